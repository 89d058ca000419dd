"""A team makes, sees, changes and revokes its own keys, and knows of no others."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.storage.keys_of_teams import document, make_database, revisions

from faregate.core.clock import ManualClock
from faregate.core.errors import ConflictError, FaregateError, MissingError, StaleError
from faregate.identity.actors import Actor
from faregate.identity.keys import generate_key, hash_key
from faregate.storage.audit_log import AuditLog, AuditQuery
from faregate.storage.database import Database
from faregate.storage.keys import Keys, KeySpec

SALES, SUPPORT = frozenset({"sales"}), frozenset({"support"})
ADA = Actor("user", "ada@example.com", id="usr_1")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return make_database(tmp_path)


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, ManualClock())


@pytest.mark.parametrize(
    ("name", "application"),
    [("web", "shop"), ("sales/web", "sales/shop"), ("web", "till"), ("sales/web", "shop")],
)
def test_a_team_names_its_own_by_either_name(keys: Keys, name: str, application: str) -> None:
    record = keys.create(name, ADA, application=application, team="sales").record
    whole = application if application in ("till", "sales/shop") else "sales/shop"
    assert (record.name, record.application, record.team) == ("sales/web", whole, "sales")
    assert keys.find("web", teams=SALES).record == record
    assert keys.find("sales/web").record == record


@pytest.mark.parametrize(
    ("application", "message"),
    [
        ("desk", "there is no application 'desk'"),
        ("support/desk", "there is no application 'support/desk'"),
        ("tools", "there is no application 'tools'"),
        (None, "belongs to one of its applications"),
    ],
)
def test_another_application_is_not_there(
    keys: Keys, application: str | None, message: str
) -> None:
    with pytest.raises(FaregateError) as caught:
        keys.create("web", ADA, application=application, team="sales")
    assert message in str(caught.value)
    told = f"{caught.value} {caught.value.fix}".replace(application or "-", "")
    assert "support" not in told
    assert "tools" not in told
    assert keys.list() == []


def test_a_team_that_is_not_there_has_no_keys(keys: Keys) -> None:
    with pytest.raises(MissingError, match="no team 'sale'"):
        keys.create("web", ADA, application="shop", team="sale")


def test_models_by_their_local_names(keys: Keys) -> None:
    chosen = frozenset({"small", "sales/best", "fast", "gpt"})
    made = keys.create("web", ADA, chosen, application="shop", team="sales")
    assert made.record.models == {"sales/small", "sales/best", "fast", "gpt"}
    with pytest.raises(MissingError) as caught:
        keys.create("x", ADA, frozenset({"support/dark"}), application="shop", team="sales")
    assert "support" not in f"{caught.value} {caught.value.fix}".replace("'support/dark'", "")
    with pytest.raises(MissingError):
        keys.create("x", ADA, frozenset({"sales/small"}), application="tools")


def test_names_are_taken_within_a_team(keys: Keys) -> None:
    keys.create("web", ADA, application="till")
    with pytest.raises(ConflictError, match="a key 'web' already"):
        keys.create("web", ADA, application="shop", team="sales")
    keys.create("web", ADA, application="desk", team="support")
    with pytest.raises(ConflictError, match="a key 'support/web' already"):
        keys.create("web", ADA, application="desk", team="support")
    with pytest.raises(FaregateError, match="a name of the team 'support'"):
        keys.create("support/other", ADA, application="till")
    with pytest.raises(FaregateError, match="a name of the team 'gone'"):
        keys.create("gone/other", ADA)


def test_without_a_team_the_application_says_whose_it_is(keys: Keys) -> None:
    assert keys.create("web", ADA, application="till").record.team == "sales"
    assert keys.create("sales/x", ADA, application="sales/shop").record.team == "sales"
    assert keys.create("tool", ADA, application="tools").record.team is None
    assert {entry.record.name for entry in keys.list(teams=SALES)} == {"web", "sales/x"}
    assert keys.list(teams=SUPPORT) == []


def _select_by(by: str, record: Any, secret: str) -> str:
    return secret if by == "secret" else str(getattr(record, by))


@pytest.mark.parametrize("by", ["name", "key_id", "secret", "prefix"])
@pytest.mark.parametrize("act", ["find", "change", "revoke"])
def test_another_teams_key_is_not_there(keys: Keys, by: str, act: str) -> None:
    made = keys.create("web", ADA, application="desk", team="support")
    selector = _select_by(by, made.record, made.secret)
    acts: dict[str, Callable[..., object]] = {
        "find": keys.find,
        "change": lambda one, **more: keys.change(one, ADA, expires_ns=None, **more),
        "revoke": lambda one, **more: keys.revoke(one, ADA, **more),
    }
    with pytest.raises(MissingError) as foreign:
        acts[act](selector, teams=SALES)
    with pytest.raises(MissingError) as nobody:
        acts[act]("nobody", teams=SALES)
    told = str(foreign.value).replace(selector, "nobody")
    assert told.replace(made.record.prefix + "...", "nobody") == str(nobody.value)
    assert keys.find(selector).record == made.record


def test_a_key_is_changed(keys: Keys, database: Database) -> None:
    made = keys.create("web", ADA, application="shop", team="sales").record
    version = keys.find("web", teams=SALES).version
    soon_ns = ManualClock().wall_ns() + 10**9
    entry = keys.change(
        "web", ADA, teams=SALES, name="app", models=frozenset({"small"}), expires_ns=soon_ns,
        expected=version,
    )  # fmt: skip
    assert (entry.record.name, entry.record.models) == ("sales/app", {"sales/small"})
    assert entry.record.expires_ns == soon_ns
    assert keys.find(made.key_id) == entry
    assert entry.version > version
    with pytest.raises(StaleError):
        keys.change("app", ADA, teams=SALES, models=None, expected=version)
    with pytest.raises(StaleError):
        keys.revoke("app", ADA, teams=SALES, expected=version)
    assert keys.change("app", ADA, teams=SALES, models=None).record.models is None
    assert keys.change("app", ADA, teams=SALES, models=None) == keys.find("app", teams=SALES)
    with pytest.raises(FaregateError, match="expired from the start"):
        keys.change("app", ADA, expires_ns=1, teams=SALES)
    keys.create("other", ADA, application="shop", team="sales")
    with pytest.raises(ConflictError):
        keys.change("app", ADA, name="other", teams=SALES)
    with pytest.raises(FaregateError):
        keys.change("app", ADA, name="support/x", teams=SALES)
    keys.revoke("app", ADA, teams=SALES)
    with pytest.raises(ConflictError, match="was revoked"):
        keys.change(made.key_id, ADA, models=None)
    entries = AuditLog(database).find(AuditQuery(team="sales", act="keys.*"))
    assert [entry.act for entry in entries] == [
        "keys.revoke", "keys.create", "keys.update", "keys.update", "keys.create",
    ]  # fmt: skip
    assert {entry.actor for entry in entries} == {ADA}
    assert entries[-1].object == "keys/sales/web"


def test_keys_of_the_file_are_changed_there(keys: Keys, database: Database) -> None:
    hashed = f"sha256:{hash_key(generate_key()).hex()}"
    text = f"keys: [{{name: sales/k, secret: '{hashed}', application: sales/shop}}]\n"
    revisions(database).apply(document(text), "ann", "a key")
    assert keys.find("k", teams=SALES).record.team == "sales"
    with pytest.raises(ConflictError, match="managed in the configuration"):
        keys.change("k", ADA, teams=SALES, expires_ns=None)


def test_many_keys_are_made_at_once_or_none(keys: Keys, database: Database) -> None:
    specs = [KeySpec(f"k-{number}", application="shop") for number in range(1_000)]
    before = keys.create("other", ADA, application="shop", team="sales").record
    began = time.perf_counter()
    made = keys.create_many(specs, ADA, team="sales")
    took_s = time.perf_counter() - began
    print(f"1,000 keys were made in {took_s:.2f} s")
    assert took_s < 6
    assert [one.record.name for one in made] == [f"sales/k-{n}" for n in range(1_000)]
    assert len({one.secret for one in made}) == 1_000
    assert len({keys.find(one.record.key_id).version for one in made[:50]}) == 1
    assert len(AuditLog(database).find(AuditQuery(act="keys.create"), limit=2_000)) == 1_001
    for wrong in (
        [KeySpec("new", application="shop"), KeySpec("k-7", application="shop")],
        [KeySpec("new", application="shop"), KeySpec("sales/new", application="till")],
        [KeySpec("new", application="shop"), KeySpec("x", application="desk")],
    ):
        with pytest.raises(FaregateError):
            keys.create_many(wrong, ADA, team="sales")
    assert len(keys.list()) == 1_001
    assert keys.create_many([], ADA) == []
    assert keys.find("other", teams=SALES).record == before
    with pytest.raises(FaregateError, match="more than"):
        keys.create_many([KeySpec("x")] * 10_001, ADA)
