"""A pool reuses, bounds and lines up, at a cost that doesn't grow."""
