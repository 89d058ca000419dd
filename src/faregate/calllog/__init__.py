"""What is recorded of calls."""
