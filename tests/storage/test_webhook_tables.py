"""The tables of webhooks are in the metadata."""

from faregate.storage.tables import metadata
from faregate.storage.webhook_tables import attempts, cursors, deliveries, webhooks


def test_the_tables() -> None:
    names = {one.name for one in (attempts, cursors, deliveries, webhooks)}
    assert names <= set(metadata.tables)
