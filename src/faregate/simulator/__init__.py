"""A peer of OpenAI's format that behaves as it is told, for tests."""
