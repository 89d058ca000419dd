"""HTTP/1.1 and server-sent events as rules on bytes; no I/O."""
