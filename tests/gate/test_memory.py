"""The configuration in memory can be made to fail, and recovers.

What it shares with the database's reader is in the contract of `storage/test_gate_reader`.
"""

import pytest

from faregate.core.errors import StorageError
from faregate.gate.memory import MemoryConfiguration
from faregate.identity.keys import hash_key


def test_fails_while_told_so() -> None:
    source = MemoryConfiguration()
    secret = source.add_key("a")
    source.fail = True
    for call in (
        source.latest,
        source.cursor,
        lambda: source.changes_since(0),
        lambda: source.find_key(hash_key(secret)),
    ):
        with pytest.raises(StorageError):
            call()
    source.fail = False
    assert source.find_key(hash_key(secret)) is not None


def test_closing_is_remembered() -> None:
    source = MemoryConfiguration()
    source.close()
    assert source.closed
