"""Images made and changed."""
