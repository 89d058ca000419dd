"""The operations of the management API, a file for each kind of thing."""
