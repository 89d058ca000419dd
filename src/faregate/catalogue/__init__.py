"""Models: what is asked for, and what serves it."""
