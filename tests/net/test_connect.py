"""Connecting races addresses, passes proxies, and ends in a clean error."""
