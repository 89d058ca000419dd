"""Speech made of text, and text of speech."""
