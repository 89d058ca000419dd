"""Starts the processes of one machine, keeps them alive, and ends them all."""
