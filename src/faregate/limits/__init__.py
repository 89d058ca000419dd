"""Rates and calls at once: arithmetic without I/O or clocks."""
