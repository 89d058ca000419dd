"""What is handed to the clerk has the methods that it asks for, with the same parameters."""

import inspect

import pytest

from faregate.clerk import ports
from faregate.clerk.memory_store import MemoryCallStore
from faregate.ledger.memory import MemoryPosting
from faregate.storage.call_store import CallStore
from faregate.storage.journal_reader import JournalFolders, JournalReader
from faregate.storage.ledger_posting import LedgerPosting


@pytest.mark.parametrize(
    ("port", "version"),
    [
        (ports.Journals, JournalFolders),
        (ports.Reader, JournalReader),
        (ports.CallStore, CallStore),
        (ports.CallStore, MemoryCallStore),
        (ports.Ledger, MemoryPosting),
        (ports.Ledger, LedgerPosting),
    ],
)
def test_version_fits_the_port(port: type, version: type):
    asked = {name: value for name, value in vars(port).items() if inspect.isfunction(value)}
    methods = [name for name in asked if not name.startswith("_")]
    assert len(methods) > 2
    for name in methods:
        offered = list(inspect.signature(getattr(version, name)).parameters.values())
        required = [parameter.name for parameter in offered if parameter.default is parameter.empty]
        wanted = list(inspect.signature(asked[name]).parameters)
        assert [parameter.name for parameter in offered][: len(wanted)] == wanted
        assert set(required) <= set(wanted)
