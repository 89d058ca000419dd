"""The configuration as one document: shape, rules, file, differences."""
