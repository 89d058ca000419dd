"""A reply is whole or a named failure, and no request is acted on twice."""
