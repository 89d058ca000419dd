"""What a call must pass: one policy a file."""
