"""A peer of every vendor's format that behaves as it is told, for tests.

It shares no code with the translators of `faregate.dialects`: it judges them.
"""
