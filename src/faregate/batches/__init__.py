"""Files and batches as data: facts, lines, the shapes of both APIs."""
