"""The life of a call: identify, decide, send, relay, record."""
