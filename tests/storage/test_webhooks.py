"""Webhooks belong to their tenant; their secrets are kept sealed."""

from pathlib import Path

import pytest

from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.core.bounds import WEBHOOKS_MAX
from faregate.core.clock import ManualClock
from faregate.core.errors import ConfigurationError, ConflictError, MissingError, StaleError
from faregate.identity.audit_chain import audit_key
from faregate.storage.audit_log import AuditLog
from faregate.storage.database import Database
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox
from faregate.storage.webhooks import OVERLAP_S_MAX, Webhooks, forget_teams, webhook_facts

BOX = SecretBox(b"k" * 32)
URL = "https://example.com/hooks/T0KEN"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "faregate.db", audit_key(b"m" * 32))
    database.upgrade()
    return database


@pytest.fixture
def webhooks(database: Database) -> Webhooks:
    return Webhooks(database, BOX, ManualClock())


def test_made_and_found(webhooks: Webhooks, database: Database) -> None:
    made, secret = webhooks.create(None, "ops", URL, ("wallet.*",), "ann")
    assert secret.startswith("whsec_")
    assert webhooks.find(None, "ops") == made
    assert (made.team, made.events, made.version, made.enabled) == (None, ("wallet.*",), 1, True)
    kept = database.path.read_bytes() + database.path.with_suffix(".db-wal").read_bytes()
    assert secret.encode() not in kept
    entry = AuditLog(database).find()[0]
    assert (entry.act, entry.object, entry.team) == ("webhooks.create", "webhooks/ops", None)
    assert secret not in str(entry)
    assert "T0KEN" not in str(entry)
    assert webhook_facts(made)["url"] == "https://example.com/..."


def test_a_teams_webhook_is_another_ones_not(webhooks: Webhooks) -> None:
    webhooks.create("sales", "ops", URL, ("*",), "ann")
    webhooks.create("support", "ops", URL, ("*",), "ann")
    webhooks.create(None, "ops", URL, ("*",), "ann")
    assert [one.team for one in webhooks.list()] == [None, "sales", "support"]
    assert [one.team for one in webhooks.list(frozenset({"sales"}))] == ["sales"]
    assert webhooks.list(frozenset()) == webhooks.list(frozenset({""})) == []
    webhooks.delete("sales", "ops", "ann")
    assert [one.team for one in webhooks.list()] == [None, "support"]
    for act in (
        lambda: webhooks.find("sales", "ops"),
        lambda: webhooks.update("sales", "ops", "ann", enabled=False),
        lambda: webhooks.delete("sales", "ops", "ann"),
        lambda: webhooks.rotate("sales", "ops", "ann"),
    ):
        with pytest.raises(MissingError, match="no webhook 'sales/ops'"):
            act()


def test_changes_say_which_version_they_mean(webhooks: Webhooks, database: Database) -> None:
    webhooks.create("sales", "ops", URL, ("*",), "ann")
    changed = webhooks.update("sales", "ops", "bob", events=("wallet.empty",), expected_version=1)
    assert (changed.version, changed.events, changed.url) == (2, ("wallet.empty",), URL)
    assert webhooks.update("sales", "ops", "bob", enabled=True).version == 2  # nothing changes
    for act in (
        lambda: webhooks.update("sales", "ops", "ann", enabled=False, expected_version=1),
        lambda: webhooks.delete("sales", "ops", "ann", expected_version=1),
        lambda: webhooks.rotate("sales", "ops", "ann", expected_version=1),
    ):
        with pytest.raises(StaleError, match="version 2"):
            act()
    entry = AuditLog(database).find()[0]
    assert (entry.act, entry.team, entry.actor.name) == ("webhooks.update", "sales", "bob")
    assert '"events":["*"]' in (entry.before or "")
    assert '"events":["wallet.empty"]' in (entry.after or "")


def test_a_secret_is_changed_with_an_overlap(webhooks: Webhooks) -> None:
    _, first = webhooks.create(None, "ops", URL, ("*",), "ann")
    changed, second = webhooks.rotate(None, "ops", "ann", overlap_s=60)
    assert first != second
    assert changed.old_secret_until_ns == ManualClock().wall_ns() + 60 * 10**9
    assert webhooks.rotate(None, "ops", "ann", overlap_s=0)[0].old_secret_until_ns is None
    with pytest.raises(ConfigurationError, match="overlap_s"):
        webhooks.rotate(None, "ops", "ann", overlap_s=OVERLAP_S_MAX + 1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "a b"}, "name: 'a b' can't be a name"),
        ({"url": "http://example.com"}, "url: http is only"),
        ({"events": ()}, "events: name 1 to 50"),
        ({"events": ("a*",)}, r"events: 'a\*' is no type"),
    ],
)
def test_what_can_not_be_honoured(
    webhooks: Webhooks, changes: dict[str, object], told: str
) -> None:
    given: dict[str, object] = {"name": "ops", "url": URL, "events": ("*",), **changes}
    with pytest.raises(ConfigurationError, match=told):
        webhooks.create(None, author="ann", **given)  # type: ignore[arg-type]
    assert webhooks.list() == []


def test_names_are_taken_once_and_there_is_an_end(webhooks: Webhooks) -> None:
    for number in range(WEBHOOKS_MAX):
        webhooks.create("sales", f"w{number}", URL, ("*",), "ann")
    with pytest.raises(ConflictError, match="a webhook 'w0' already"):
        webhooks.create("sales", "w0", URL, ("*",), "ann")
    with pytest.raises(ConflictError, match="which is the most"):
        webhooks.create("sales", "more", URL, ("*",), "ann")
    assert webhooks.create("support", "more", URL, ("*",), "ann")[0].team == "support"


def test_what_a_removed_team_had_goes_with_it(webhooks: Webhooks, database: Database) -> None:
    webhooks.create("sales", "ops", URL, ("*",), "ann")
    webhooks.create(None, "ops", URL, ("*",), "ann")
    with database.writing() as connection:
        forget_teams(connection, 5, "bob", ["sales", "none"])
    assert [one.team for one in webhooks.list()] == [None]
    entry = AuditLog(database).find()[0]
    assert (entry.act, entry.object, entry.team) == (
        "webhooks.delete",
        "webhooks/sales/ops",
        "sales",
    )


def test_a_team_that_is_removed_from_the_configuration_leaves_none(
    webhooks: Webhooks, database: Database
) -> None:
    revisions = Revisions(database, BOX, ManualClock())
    revisions.apply(Document(teams=(Team(name="sales"), Team(name="support"))), "ann", "two teams")
    for team in ("sales", "support"):
        webhooks.create(team, "ops", URL, ("*",), "ann")
    revisions.apply(Document(teams=(Team(name="support"),)), "ann", "one team")
    revisions.apply(Document(teams=(Team(name="sales"),)), "ann", "the other")
    assert webhooks.list() == []
