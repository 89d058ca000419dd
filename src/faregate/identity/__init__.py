"""Who calls: the format of keys, their hashes, their states."""
