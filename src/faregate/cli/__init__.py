"""The commands of `faregate`: thin; each does one thing and says so."""
