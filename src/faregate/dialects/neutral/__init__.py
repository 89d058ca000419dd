"""The form between dialects: requests, replies and streams of none."""
