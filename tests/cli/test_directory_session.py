"""Commands on people work on this machine's installation, as whoever runs them."""

import pytest
from tests.cli.console import Console

from faregate.cli.directory_session import first_login, opened_directory
from faregate.cli.session import actor
from faregate.core.errors import StorageError
from faregate.storage.first_owner import FirstOwner


def test_who_asks(console: Console) -> None:
    with opened_directory() as here:
        assert here.by.actor.name == actor()
        assert here.by.may("owners.write")
        assert here.link("page", "fgr_x") == "http://127.0.0.1:8403/page#token=fgr_x"


def test_links_lead_where_people_reach_it(console: Console) -> None:
    text = "settings: {management: {public_url: 'https://faregate.example.com/'}}\n"
    console.good("config", "apply", console.file(text))
    with opened_directory() as here:
        assert here.link("page", "t") == "https://faregate.example.com/page#token=t"


def test_no_installation(empty_console: Console) -> None:
    with pytest.raises(StorageError, match="no installation"), opened_directory():
        pass
    assert not empty_console.home.root.exists()


def test_what_the_first_owner_is_told() -> None:
    said = first_login(FirstOwner("ann@example.com", "aaaa-bbbb"))
    assert "ann@example.com" in said
    assert "\n  aaaa-bbbb\n" in said
