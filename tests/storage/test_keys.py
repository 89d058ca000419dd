"""A key is shown once, found by what a person knows of it, and revoked for good."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from faregate.configuration.commerce import Application, Budget, Limit, Plan
from faregate.configuration.document import Document, Key, Model, Provider
from faregate.core.clock import ManualClock
from faregate.core.errors import ConfigurationError, FaregateError
from faregate.identity.keys import generate_key, hash_key, is_well_formed
from faregate.storage.database import Database
from faregate.storage.keys import Keys
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox

DOCUMENT = Document(
    providers=(Provider(name="p", base_url="http://h"),),
    models=(Model(name="gpt", provider="p", aliases=("fast",)),),
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(tmp_path / "faregate.db")
    database.upgrade()
    return database


@pytest.fixture
def keys(database: Database) -> Keys:
    return Keys(database, ManualClock())


def test_created(keys: Keys, database: Database) -> None:
    made = keys.create("app", "ann")
    assert is_well_formed(made.secret)
    assert made.secret not in repr(made)
    entry = keys.list()[0]
    assert entry.record == made.record
    assert (entry.source, entry.record.hash) == ("command", hash_key(made.secret))
    content = database.path.read_bytes() + database.path.with_suffix(".db-wal").read_bytes()
    assert made.secret.encode() not in content
    history = Revisions(database, SecretBox(b"k" * 32)).history()
    assert [(row.actor, row.summary, row.changed_document) for row in history] == [
        ("ann", "made the key app", False)
    ]


def test_names_are_taken_once(keys: Keys) -> None:
    keys.create("app", "ann")
    with pytest.raises(FaregateError, match="a key 'app' already"):
        keys.create("app", "ann")
    keys.revoke("app", "ann")
    keys.create("app", "ann")
    assert len(keys.list()) == 2


def test_models_must_exist(keys: Keys, database: Database) -> None:
    Revisions(database, SecretBox(b"k" * 32)).apply(DOCUMENT, "a", "s")
    assert keys.create("a", "ann", frozenset({"gpt", "fast"})).record.models == {"gpt", "fast"}
    with pytest.raises(FaregateError, match="no model 'gtp'; did you mean 'gpt'"):
        keys.create("b", "ann", frozenset({"gtp"}))
    assert len(keys.list()) == 1


def test_expired_from_the_start(keys: Keys) -> None:
    with pytest.raises(FaregateError, match="expired from the start"):
        keys.create("a", "ann", expires_ns=ManualClock().wall_ns())


@pytest.mark.parametrize("by", ["name", "key_id", "secret", "prefix"])
def test_revoked_by_any_name(keys: Keys, by: str) -> None:
    made = keys.create("app", "ann")
    other = keys.create("other", "ann")
    selector = made.secret if by == "secret" else getattr(made.record, by)
    record, was_active = keys.revoke(selector, "ann")
    assert was_active
    assert record.key_id == made.record.key_id
    assert record.revoked_ns == ManualClock().wall_ns()
    assert [entry.record.revoked_ns for entry in keys.list() if entry.record == other.record] == [
        None
    ]
    assert keys.revoke(made.record.key_id, "ann") == (record, False)


def test_selectors_that_miss(keys: Keys) -> None:
    with pytest.raises(FaregateError, match="no key 'nobody'") as caught:
        keys.revoke("nobody", "ann")
    assert caught.value.fix == "'faregate keys list' shows the keys"
    unknown = generate_key()
    with pytest.raises(FaregateError, match="no key") as caught:
        keys.revoke(unknown, "ann")
    assert unknown not in str(caught.value)
    for name in ("a", "b"):
        keys.create(name, "ann")
    with pytest.raises(FaregateError):
        keys.revoke("fg_", "ann")
    with pytest.raises(FaregateError):
        keys.revoke("fg_%", "ann")


def test_an_ambiguous_prefix(keys: Keys) -> None:
    # 63 keys over an alphabet of 62 letters: two begin alike, whatever chance does.
    secrets = sorted(generate_key() for _ in range(63))
    same = next(pair for pair in pairwise(secrets) if pair[0][:4] == pair[1][:4])
    first = same[0][:4]
    for number, secret in enumerate(same):
        keys.create(f"k{number}", "ann", secret=secret)
    with pytest.raises(FaregateError, match="may mean key_"):
        keys.revoke(first, "ann")


def test_a_key_of_the_file_is_revoked_in_the_document(keys: Keys, database: Database) -> None:
    revisions = Revisions(database, SecretBox(b"k" * 32))
    document = Document(keys=(Key(name="app", secret="sha256:" + "1" * 64),))
    revisions.apply(document, "a", "s")
    record, was_active = keys.revoke("app", "ann")
    assert was_active
    assert record.revoked_ns is not None
    current = revisions.current()
    assert current.number == 2
    assert current.written.keys[0].revoked


def test_an_application_must_exist(keys: Keys, database: Database) -> None:
    revisions = Revisions(database, SecretBox(b"k" * 32), ManualClock())
    revisions.apply(Document(applications=(Application(name="shop"),)), "a", "s")
    assert keys.create("till", "ann", application="shop").record.application == "shop"
    assert keys.list()[0].record.application == "shop"
    with pytest.raises(FaregateError, match="no application 'shp'; did you mean 'shop'"):
        keys.create("b", "ann", application="shp")
    assert len(keys.list()) == 1


@pytest.mark.parametrize("way", ["revoked", "expired"])
def test_an_application_stays_while_a_key_needs_it(database: Database, way: str) -> None:
    clock = ManualClock()
    keys = Keys(database, clock)
    revisions = Revisions(database, SecretBox(b"k" * 32), clock)
    revisions.apply(Document(applications=(Application(name="shop"),)), "a", "s")
    keys.create("till", "ann", application="shop", expires_ns=clock.wall_ns() + 3_600 * 10**9)
    with pytest.raises(ConfigurationError, match="'till', made by command, belongs to") as caught:
        revisions.apply(Document(), "a", "s")
    assert caught.value.fix is not None
    assert "faregate keys revoke till" in caught.value.fix
    with pytest.raises(ConfigurationError, match="'till'"):
        revisions.preview(Document())
    assert revisions.current().written.applications
    if way == "revoked":
        keys.revoke("till", "ann")
    else:
        clock.advance(3_600)
    revisions.apply(Document(), "a", "s")
    assert revisions.current().written.applications == ()


def test_limits_may_name_any_key_that_is_or_was(keys: Keys, database: Database) -> None:
    revisions = Revisions(database, SecretBox(b"k" * 32))
    limit = Limit(name="l", each="key", max=1, per="minute", keys=("till", "made"))
    budget = Budget(name="b", each="key", amount=Decimal(1), keys=("mad",))
    document = Document(
        keys=(Key(name="till", secret="sha256:" + "1" * 64),),
        limits=(limit,),
        plans=(Plan(name="p", limits=(msgspec.structs.replace(limit, name="m"),)),),
        budgets=(budget,),
    )
    with pytest.raises(ConfigurationError, match="no key 'made'") as caught:
        revisions.apply(document, "a", "s")
    errors = (caught.value, *caught.value.others)
    assert [error.message.partition(":")[0] for error in errors] == [
        "plans[p].limits[m].keys[1]",
        "limits[l].keys[1]",
        "budgets[b].keys[0]",
    ]
    assert caught.value.fix is not None
    assert "faregate keys create made" in caught.value.fix
    keys.create("made", "ann")
    keys.create("mad", "ann")
    keys.revoke("mad", "ann")
    assert revisions.apply(document, "a", "s") > 0
