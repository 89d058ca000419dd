"""TLS verifies upstreams, and the gate's certificates change in place."""
