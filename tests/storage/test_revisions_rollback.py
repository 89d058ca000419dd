"""Going back restores what was sealed; what stays is told."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.storage.revisions_world import BOX, DOCUMENT, VARIABLES, opened, with_models

from faregate.configuration.commerce import Application, Grant, Wallet
from faregate.configuration.document import Document, Key
from faregate.core.errors import ConfigurationError, MissingError, StaleError
from faregate.storage.database import Database
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.keys import Keys
from faregate.storage.revisions import Revisions

KEYS = tuple(Key(name=name, secret=f"sha256:{n:064x}") for n, name in enumerate("ab", 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faregate.db"


@pytest.fixture
def revisions(path: Path) -> Revisions:
    found = opened(path)
    found.apply(msgspec.structs.replace(DOCUMENT, keys=KEYS), "ann", "first", environment=VARIABLES)
    return found


def test_secrets_of_then_are_in_force_again(revisions: Revisions, path: Path) -> None:
    first = revisions.written()[1]
    revisions.apply(first, "ann", "another key", environment={"KEY": "sk-hidden-2"})
    revisions.edit(lambda old: with_models(old, "n"), "ann", "more")
    preview = revisions.preview_roll_back(1)
    assert preview.number == 3
    assert [str(one) for one in preview.changes] == [
        "- models[n]",
        "~ providers[p].api_key (value): changed",
    ]
    assert revisions.written()[0] == 3
    back = revisions.roll_back(1, "bob", "the new key fails")
    assert (back.number, back.changes, back.remarks) == (4, preview.changes, ())
    assert revisions.written() == (4, first)
    taken = SqliteConfiguration(path, BOX).latest().document
    assert taken.providers[0].api_key == "sk-hidden-1"
    row = revisions.history(1)[0]
    assert (row.summary, row.message) == ("rolled back to revision 1", "the new key fails")


def test_revoked_keys_stay_revoked(revisions: Revisions, path: Path) -> None:
    keys = Keys(Database(path))
    keys.revoke("a", "ann")
    revisions.apply(DOCUMENT, "ann", "no keys", environment=VARIABLES)
    back = revisions.roll_back(1, "bob")
    assert back.remarks == (
        "the key a was revoked since, and stays so",
        "the key b was revoked since, and stays so",
    )
    assert [key.revoked for key in revisions.written()[1].keys] == [True, True]
    source = SqliteConfiguration(path, BOX)
    states = [source.find_key(bytes.fromhex(f"{n:064x}")) for n in (1, 2)]
    assert [one.state(0) for one in states if one is not None] == ["revoked", "revoked"]


def test_what_cannot_be_undone_is_told(revisions: Revisions, path: Path) -> None:
    grant = Grant(name="first", amount=Decimal(5))
    wallet = Wallet(name="main", grants=(grant,))
    revisions.edit(lambda old: msgspec.structs.replace(old, wallets=(wallet,)), "ann", "credit")
    Keys(Database(path)).create("cli", "ann")
    assert revisions.preview_roll_back(1).remarks == (
        "the credit of the grant first to the wallet main was given, and stays so",
        "1 key that was made, changed or revoked by command since stays as it is",
    )


def test_what_would_leave_keys_without_their_application(revisions: Revisions, path: Path) -> None:
    shop = Application(name="shop")
    revisions.edit(lambda old: msgspec.structs.replace(old, applications=(shop,)), "ann", "shop")
    Keys(Database(path)).create("cli", "ann", application="shop")
    with pytest.raises(ConfigurationError, match="belongs to the application 'shop'"):
        revisions.roll_back(1, "ann")
    assert revisions.written()[1].applications == (shop,)


def test_refused(revisions: Revisions) -> None:
    with pytest.raises(MissingError):
        revisions.roll_back(9, "ann")
    with pytest.raises(StaleError):
        revisions.roll_back(0, "ann", expected_revision=7)
    assert revisions.roll_back(1, "ann").changes == []
    assert revisions.roll_back(0, "ann").number == 2
    assert revisions.written()[1] == Document()
