"""Floor 0: values and rules that everything else is built from; no I/O."""
