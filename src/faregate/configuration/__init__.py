"""The configuration as one document: its shape, its rules, its file, its differences."""
