"""The steps that bring the database of one release to the next."""
