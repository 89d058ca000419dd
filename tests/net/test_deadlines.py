"""A deadline is never early, at most two ticks late, and cheap to move."""
