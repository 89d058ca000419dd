"""After the call: what the workers wrote is posted, kept and cleaned up."""
