"""The management API: who may do what to this installation, over HTTP."""
