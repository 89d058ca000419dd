"""The formats of APIs on the wire: what is read and changed in them."""
