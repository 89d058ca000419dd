"""A role starts, ends with its channel, and says errors in one line."""
