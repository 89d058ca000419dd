"""Metrics: counted in each process, merged by the supervisor."""
