"""Files and batches as data: facts, lines, vendors' shapes, a memory version."""
