"""The formats of APIs on the wire: what is read of them, what is changed in them."""
