"""The tests' Valkey, for all tests of this folder."""

from tests.valkey import valkey, valkey_server

__all__ = ["valkey", "valkey_server"]
