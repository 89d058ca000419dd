"""The operations of identity providers: each list is read typed, each reply can be decoded."""

from tests.client.operations.checked import lists_read, sound

from faregate.client.management import Client

MODULE = "identity_providers"


def test_lists(client: Client) -> None:
    read = lists_read(MODULE, client)
    assert all(name.startswith(("list_", "get_", "search_")) for name in read)


def test_replies() -> None:
    assert sound(MODULE)
