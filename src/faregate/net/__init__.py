"""Sockets: the listener for callers, the connections to upstreams."""
