"""A pool reuses, bounds and lines up, at a cost that doesn't grow.

Beside the unit's rules, real servers stand behind it here: aiohttp and the standard library's.
"""
