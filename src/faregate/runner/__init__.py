"""Runs batches, line by line, as calls of the keys that made them."""
