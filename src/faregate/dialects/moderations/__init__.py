"""Whether a text may be used."""
