"""The tables of the management API are in the metadata."""

from faregate.storage.management_tables import idempotency_keys
from faregate.storage.tables import metadata


def test_the_tables() -> None:
    assert metadata.tables["idempotency_keys"] is idempotency_keys
