"""Credit and volumes that must not be overspent: rules without I/O."""
