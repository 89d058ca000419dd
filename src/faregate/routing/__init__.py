"""Which target and key serve a call, what is benched, what is tried next."""
