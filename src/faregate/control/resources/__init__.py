"""The configuration's items as the management API reads and changes them."""
