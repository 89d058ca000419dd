"""Vendors as rows of data, and what their refusals mean."""
