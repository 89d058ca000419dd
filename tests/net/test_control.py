"""A control channel carries a message a line, and its end is told once."""
