"""The credit of faregate.yaml is given once, and never changed once it was."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from faregate.configuration.commerce import Grant, Wallet
from faregate.configuration.document import Document
from faregate.core.clock import ManualClock
from faregate.core.errors import ConfigurationError, FaregateError, StorageError
from faregate.core.money import NANO
from faregate.storage.home import Home
from faregate.storage.installation import Installation, open_installation
from faregate.storage.ledger_books import open_books
from faregate.storage.ledger_grants import ConfiguredGrants, file_grants
from faregate.storage.preparation import prepare_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    prepare_home(made)
    return made


@pytest.fixture
def installation(home: Home) -> Iterator[Installation]:
    with open_installation(home) as opened:
        yield opened


def document(*grants: Grant, wallet: str = "shop") -> Document:
    return Document(wallets=(Wallet(name=wallet, grants=grants),))


def grant(amount: str = "50", name: str = "opening", **facts: object) -> Grant:
    return Grant(name=name, amount=Decimal(amount), **facts)  # type: ignore[arg-type]


def balance(home: Home, wallet: str = "shop") -> int:
    with open_books(home, None) as books:
        return books.wallet(wallet).balance_nano


def apply(installation: Installation, made: Document) -> int:
    return installation.revisions.apply(made, "ada", "test")


def test_applying_gives_once(installation: Installation):
    apply(installation, document(grant()))
    given = installation.grants.last.entries
    assert [(one.amount_nano, one.author) for one in given] == [(50 * NANO, "ada")]
    assert given[0].reason == "grant opening of the configuration"
    apply(installation, document(grant()))
    apply(installation, document(grant(), grant("5", "second")))
    assert [one.amount_nano for one in installation.grants.last.entries] == [5 * NANO]
    assert balance(installation.home) == 55 * NANO


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (grant("60"), r"wallets\[shop\].grants\[opening\].amount: .* with amount: 50.00"),
        (grant("40"), "amount: 50.00"),
        (grant(kind="promotional"), "kind: paid"),
        (grant(expires_at=dt.datetime(2090, 1, 1, tzinfo=dt.UTC)), "no expires_at"),
    ],
)
def test_a_grant_that_was_given_does_not_change(
    installation: Installation, changed: Grant, message: str
):
    number = apply(installation, document(grant()))
    for attempt in (
        lambda: apply(installation, document(changed)),
        lambda: installation.revisions.preview(document(changed)),
        lambda: installation.revisions.edit(lambda _: document(changed), "ada", "test"),
    ):
        with pytest.raises(ConfigurationError, match=message) as caught:
            attempt()
        assert "add another grant" in (caught.value.fix or "")
    assert installation.revisions.current().number == number
    assert balance(installation.home) == 50 * NANO


def test_what_is_removed_was_given_all_the_same(installation: Installation):
    apply(installation, document(grant()))
    apply(installation, Document())
    assert balance(installation.home) == 50 * NANO
    apply(installation, document(grant()))
    with pytest.raises(ConfigurationError, match="does not change"):
        apply(installation, document(grant("7")))
    assert balance(installation.home) == 50 * NANO


def test_a_look_gives_nothing_and_makes_no_ledger(installation: Installation):
    installation.revisions.preview(document(grant()))
    assert not installation.home.ledger_database.exists()
    apply(installation, Document())
    assert not installation.home.ledger_database.exists()


def test_killed_in_between_it_is_given_by_the_next_try(home: Home):
    class Killed(ConfiguredGrants):
        def give_stored(self, document: Document, author: str, revision: int) -> None:
            raise KeyboardInterrupt

    with open_installation(home) as opened:
        opened.revisions._writer._grants = Killed(home)
        with pytest.raises(KeyboardInterrupt):
            apply(opened, document(grant()))
        assert opened.revisions.current().number == 1
    assert balance(home) == 0
    with open_installation(home) as opened:
        # In force and still to be given: it counts as given.
        with pytest.raises(ConfigurationError, match="does not change"):
            apply(opened, document(grant("51")))
        assert apply(opened, document(grant())) == 1
    assert balance(home) == 50 * NANO
    ConfiguredGrants(home).give(document(grant()), "serve")
    assert balance(home) == 50 * NANO


def test_a_start_gives_what_is_missing(home: Home):
    given = ConfiguredGrants(home).give(document(grant()), "serve")
    assert [one.author for one in given.entries] == ["serve"]
    assert ConfiguredGrants(home).give(document(grant()), "serve").entries == ()


def test_what_expired_before_it_was_given_is_not(installation: Installation):
    over = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    apply(installation, document(grant(expires_at=over), grant("2", "other")))
    last = installation.grants.last
    assert ([one.name for one in last.expired], len(last.entries)) == (["opening"], 1)
    apply(installation, document(grant("3"), grant("2", "other")))
    assert balance(installation.home) == 5 * NANO


def test_an_expiry_is_kept_to_the_microsecond(home: Home):
    ends = dt.datetime(2031, 5, 6, 7, 8, 9, 123_457, tzinfo=dt.UTC)
    found = next(iter(file_grants(document(grant(expires_at=ends))).values()))
    assert found.expires_ns == 1_935_817_689_123_457_000
    giver = ConfiguredGrants(home, ManualClock())
    made = document(grant(expires_at=ends))
    giver.give(made, "ada")
    giver.refuse_changed(Document(), made)
    moved = document(grant(expires_at=ends + dt.timedelta(microseconds=1)))
    with pytest.raises(FaregateError, match=r"2031-05-06T07:08:09\.123457"):
        giver.refuse_changed(Document(), moved)


def test_a_ledger_that_is_away_refuses_before_the_revision(installation: Installation):
    away = msgspec.structs.replace(
        document(grant()).settings,
        ledger=msgspec.structs.replace(
            Document().settings.ledger, url="postgresql://user@127.0.0.1:1/none"
        ),
    )
    with pytest.raises(StorageError):
        apply(installation, msgspec.structs.replace(document(grant()), settings=away))
    assert installation.revisions.current().number == 0


def test_a_failure_after_the_revision_says_that_it_is_in_force(home: Home):
    home.ledger_database.mkdir()
    with pytest.raises(StorageError, match="revision 7 is in force, but its credit") as caught:
        ConfiguredGrants(home).give_stored(document(grant()), "ada", 7)
    assert "apply it again" in (caught.value.fix or "")
