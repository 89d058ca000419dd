"""Starts the processes of one machine, keeps them up, ends them all."""
