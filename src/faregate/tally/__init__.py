"""Counters of limits: in memory, or shared through Redis or Valkey."""
