"""Texts, tokens and images made into vectors."""
