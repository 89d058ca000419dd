"""Connecting races addresses, passes proxies, and ends in a clean error.

Proxies here are small ones of our own: they tunnel, refuse, or say nonsense, in the clear and in
TLS.
"""
