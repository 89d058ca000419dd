"""A change is whole or not there, whoever dies or writes at the same time."""

import importlib.util
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from tests.configuration.documents import ENVIRONMENT, documents

from faregate.configuration.document import (
    Document,
    Key,
    Model,
    Provider,
    ProviderKey,
)
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.settings import (
    GateSettings,
    LedgerSettings,
    LimitSettings,
    Settings,
)
from faregate.core.clock import ManualClock
from faregate.core.errors import ConfigurationError, StaleError, StorageError
from faregate.identity.keys import generate_key, hash_key
from faregate.storage.database import Database
from faregate.storage.gate_reader import SqliteConfiguration
from faregate.storage.keys import Keys
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
P = Provider(name="p", base_url="http://h/v1", api_key="${env:KEY}")
M = Model(name="m", provider="p")
DOCUMENT = Document(providers=(P,), models=(M,))
VARIABLES = {"KEY": "sk-hidden-1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Database(tmp_path / "faregate.db").upgrade()
    return tmp_path / "faregate.db"


@pytest.fixture
def revisions(path: Path) -> Revisions:
    return Revisions(Database(path), BOX, ManualClock())


def migrated(path: Path) -> Database:
    database = Database(path)
    database.upgrade()
    return database


def reader(path: Path) -> SqliteConfiguration:
    return SqliteConfiguration(path, BOX)


def apply(revisions: Revisions, document: Document, **variables: str) -> int:
    return revisions.apply(document, "ann", "test", environment=variables or VARIABLES)


def test_nothing_yet(revisions: Revisions) -> None:
    current = revisions.current()
    assert (current.number, current.written, current.clear) == (0, Document(), Document())
    assert apply(revisions, Document()) == 0
    assert revisions.history() == []


def test_apply_and_read(revisions: Revisions, path: Path) -> None:
    assert apply(revisions, DOCUMENT) == 1
    current = revisions.current()
    assert current.written == DOCUMENT
    assert current.clear.providers[0].api_key == "sk-hidden-1"
    assert reader(path).latest().document == current.clear
    row = revisions.history()[0]
    assert (row.number, row.actor, row.summary, row.changed_document) == (1, "ann", "test", True)
    assert row.created_ns == ManualClock().wall_ns()
    assert b"sk-hidden" not in path.read_bytes() + path.with_suffix(".db-wal").read_bytes()
    assert "hidden" not in repr(current)


@pytest.mark.parametrize(
    ("settings", "module", "extra"),
    [
        (Settings(limits=LimitSettings(redis_url="redis://h:6379/0")), "redis", "redis"),
        (Settings(ledger=LedgerSettings(url="postgresql://h/d")), "psycopg", "postgresql"),
    ],
)
def test_a_store_without_its_client_is_refused_with_what_to_install(
    revisions: Revisions, monkeypatch: pytest.MonkeyPatch,
    settings: Settings, module: str, extra: str,
) -> None:  # fmt: skip
    apply(revisions, DOCUMENT)
    named = msgspec.structs.replace(DOCUMENT, settings=settings)
    with monkeypatch.context() as without:
        find = importlib.util.find_spec
        without.setattr(
            importlib.util, "find_spec", lambda name: None if name == module else find(name)
        )
        with pytest.raises(ConfigurationError) as told:
            apply(revisions, named)
        assert f"faregate[{extra}]" in str(told.value.fix)
        assert module in str(told.value)
        assert revisions.current().number == 1
        assert apply(revisions, msgspec.structs.replace(DOCUMENT, models=())) == 2
    assert apply(revisions, named) == 3


def test_a_revision_holds_what_the_catalogue_said(revisions: Revisions, path: Path) -> None:
    provider = Provider(name="p", vendor="openai", base_url="http://h/v1", api_key="${env:KEY}")
    model = Model(name="fast", provider="p", upstream_model="gpt-4.1")
    document = Document(providers=(provider,), models=(model,))
    assert apply(revisions, document) == 1
    taken = reader(path).latest().document
    assert [(price.model, str(price.input)) for price in taken.prices] == [("fast", "2")]
    assert taken.models[0].output_tokens_max == 32_768
    assert taken.providers[0].api_key == "sk-hidden-1"
    written = revisions.written()[1]
    assert (written.models, written.prices) == ((model,), ())
    assert written.catalogue[0].of == "openai/gpt-4.1"
    assert apply(revisions, document) == 1  # the same is no change
    assert apply(revisions, load(export(written), environment=VARIABLES)) == 1

    def rename(current: Document) -> Document:
        more = Model(name="old", provider="p", upstream_model="gpt-4o-mini")
        return msgspec.structs.replace(current, models=(*current.models, more))

    revisions.edit(rename, "ann", "more", environment=VARIABLES)
    edited = revisions.written()[1]
    assert edited.catalogue[0] == written.catalogue[0]
    assert [pin.model for pin in edited.catalogue] == ["fast", "old"]


def test_no_change_no_revision(revisions: Revisions) -> None:
    assert apply(revisions, DOCUMENT) == 1
    assert apply(revisions, DOCUMENT) == 1
    assert len(revisions.history()) == 1


def test_a_new_value_is_a_change(revisions: Revisions, path: Path) -> None:
    apply(revisions, DOCUMENT)
    number, changes = revisions.preview(DOCUMENT, {"KEY": "sk-hidden-2"})
    assert number == 1
    assert [str(change) for change in changes] == ["~ providers[p].api_key (value): changed"]
    assert apply(revisions, DOCUMENT, KEY="sk-hidden-2") == 2
    assert reader(path).latest().document.providers[0].api_key == "sk-hidden-2"


def test_preview_changes_nothing(revisions: Revisions) -> None:
    number, changes = revisions.preview(DOCUMENT, VARIABLES)
    assert number == 0
    assert [str(change) for change in changes][:2] == [
        "+ providers[p]",
        "+ providers[p].base_url: http://h/v1",
    ]
    assert revisions.current().number == 0


def test_expected_revision(revisions: Revisions) -> None:
    assert revisions.apply(DOCUMENT, "a", "s", 0, VARIABLES) == 1
    with pytest.raises(StaleError, match="revision 1 is in force, not 0"):
        revisions.apply(Document(), "b", "s", 0)
    assert revisions.current().written == DOCUMENT


def test_refused_changes_change_nothing(revisions: Revisions) -> None:
    apply(revisions, DOCUMENT)
    bad = Document(models=(M, Model(name="m", provider="q")))
    with pytest.raises(ConfigurationError) as caught:
        apply(revisions, bad)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ConfigurationError, match="KEY is not set"):
        revisions.apply(DOCUMENT, "a", "s", environment={})
    assert len(revisions.history()) == 1


def test_edit_keeps_values_of_variables(revisions: Revisions, path: Path) -> None:
    apply(revisions, DOCUMENT)
    more = Model(name="n", provider="p")
    number = revisions.edit(
        lambda old: msgspec.structs.replace(old, models=(*old.models, more)), "ann", "add", {}
    )
    assert number == 2
    document = reader(path).latest().document
    assert document.models == (M, more)
    assert document.providers[0].api_key == "sk-hidden-1"
    with pytest.raises(ConfigurationError, match="NEW is not set"):
        revisions.edit(
            lambda old: msgspec.structs.replace(
                old, providers=(msgspec.structs.replace(P, api_key="${env:NEW}"),)
            ),
            "ann",
            "key",
            {},
        )


def test_sealed_values_are_taken_and_bound_to_their_place(revisions: Revisions, path: Path) -> None:
    sealed = revisions.seal("sk-hidden-3", "providers[p].api_key")
    provider = msgspec.structs.replace(P, api_key=sealed)
    apply(revisions, Document(providers=(provider,)))
    assert reader(path).latest().document.providers[0].api_key == "sk-hidden-3"
    text = export(revisions.current().written)
    assert sealed in text
    assert apply(revisions, load(text, environment={})) == 1
    moved = msgspec.structs.replace(provider, name="q")
    with pytest.raises(StorageError, match="another place"):
        apply(revisions, Document(providers=(moved,)))
    bad = revisions.seal("two\r\nlines", "providers[p].api_key")
    with pytest.raises(ConfigurationError, match="a header can't carry"):
        apply(revisions, Document(providers=(msgspec.structs.replace(P, api_key=bad),)))


def test_each_key_of_several_is_sealed_at_its_place(revisions: Revisions, path: Path) -> None:
    keys = tuple(
        ProviderKey(name=name, secret=f"${{env:{name.upper()}}}", weight=2) for name in ("a", "b")
    )
    document = Document(providers=(msgspec.structs.replace(P, keys=keys),))
    variables = {**VARIABLES, "A": "sk-hidden-a", "B": "sk-hidden-b"}
    _, changes = revisions.preview(document, variables)
    assert "+ providers[p].keys[a].secret" in map(str, changes)
    apply(revisions, document, **variables)
    assert "hidden" not in "".join(map(str, changes))
    read = reader(path).latest().document.providers[0]
    assert [key.secret for key in read.keys] == ["sk-hidden-a", "sk-hidden-b"]
    assert b"sk-hidden" not in path.read_bytes() + path.with_suffix(".db-wal").read_bytes()
    assert "hidden" not in export(revisions.current().written)
    _, changes = revisions.preview(document, {**variables, "B": "sk-hidden-c"})
    assert [str(one) for one in changes] == ["~ providers[p].keys[b].secret (value): changed"]
    sealed = revisions.seal("sk-hidden-d", "providers[p].keys[a].secret")
    moved = (ProviderKey(name="a", secret=sealed), ProviderKey(name="b", secret=sealed))
    with pytest.raises(StorageError, match="another place"):
        apply(revisions, Document(providers=(msgspec.structs.replace(P, keys=moved),)))
    broken = revisions.seal("two\r\nlines", "providers[p].keys[a].secret")
    with pytest.raises(ConfigurationError, match="a header can't carry"):
        apply(
            revisions,
            Document(
                providers=(
                    msgspec.structs.replace(P, keys=(ProviderKey(name="a", secret=broken),)),
                )
            ),
        )
    assert revisions.current().number == 1


@given(document=documents())
@hypothesis_settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_export_and_apply_round_trip(tmp_path: Path, document: Document) -> None:
    first, second = (tmp_path / f"{os.urandom(6).hex()}.db" for _ in range(2))
    revisions = Revisions(migrated(first), BOX)
    number = revisions.apply(document, "a", "s", environment=ENVIRONMENT)
    text = export(revisions.current().written)
    assert "sk-hidden" not in text
    again = load(text, environment=ENVIRONMENT)
    assert again == document
    assert revisions.apply(again, "a", "s", environment=ENVIRONMENT) == number
    # An empty installation becomes the same, to the letter and for the gate.
    other = Revisions(migrated(second), BOX)
    other.apply(again, "a", "s", environment=ENVIRONMENT)
    assert export(other.written()[1]) == text
    assert reader(second).latest().document == reader(first).latest().document


def test_a_lost_master_key_is_overcome_by_a_file(revisions: Revisions, path: Path) -> None:
    apply(revisions, DOCUMENT)
    other = SecretBox(b"x" * 32)
    anew = Revisions(Database(path), other)
    with pytest.raises(StorageError, match="another master key"):
        anew.current()
    number, written = anew.written()
    assert (number, written) == (1, DOCUMENT)
    _, changes = anew.preview(written, VARIABLES)
    assert [str(change) for change in changes] == ["~ providers[p].api_key (value): changed"]
    assert apply(anew, written) == 2
    assert SqliteConfiguration(path, other).latest().document == anew.current().clear


# -- keys of the file -----------------------------------------------------------------------------


def keys_of(*keys: Key) -> Document:
    return msgspec.structs.replace(DOCUMENT, keys=keys)


def test_keys_of_the_file_come_and_go(revisions: Revisions, path: Path) -> None:
    secret = generate_key()
    hashed = hash_key(secret)
    document = keys_of(Key(name="app", secret="${env:APP}", models=("m",)))
    apply(revisions, document, APP=secret, **VARIABLES)
    source = reader(path)
    record = source.find_key(hashed)
    assert record is not None
    assert (record.name, record.prefix, record.models) == ("app", secret[:9], {"m"})
    assert source.latest().document.keys == ()
    text = export(revisions.current().written)
    assert f"sha256:{hashed.hex()}" in text
    assert secret not in text

    cursor = source.cursor()
    assert apply(revisions, load(text, environment=VARIABLES)) == 1
    assert apply(revisions, keys_of()) == 2
    assert source.changes_since(cursor).key_hashes == (hashed,)
    assert source.find_key(hashed).state(0) == "revoked"
    apply(revisions, load(text, environment=VARIABLES))
    assert source.find_key(hashed).state(0) == "active"


def hashed_key(name: str, number: int, **fields: object) -> Key:
    return Key(name=name, secret=f"sha256:{number:064x}", **fields)


def test_only_changed_keys_are_changes(revisions: Revisions, path: Path) -> None:
    apply(revisions, keys_of(hashed_key("a", 1), hashed_key("b", 2)))
    cursor = reader(path).cursor()
    apply(revisions, keys_of(hashed_key("a", 1), hashed_key("b", 2, models=("m",))))
    assert reader(path).changes_since(cursor).key_hashes == (bytes.fromhex(f"{2:064x}"),)


def test_names_may_be_swapped_and_keys_renewed(revisions: Revisions, path: Path) -> None:
    apply(revisions, keys_of(hashed_key("a", 1), hashed_key("b", 2)))
    apply(revisions, keys_of(hashed_key("b", 1), hashed_key("a", 2)))
    names = [reader(path).find_key(bytes.fromhex(f"{number:064x}")).name for number in (1, 2)]
    assert names == ["b", "a"]
    apply(revisions, keys_of(hashed_key("b", 3), hashed_key("a", 2)))
    states = [
        reader(path).find_key(bytes.fromhex(f"{number:064x}")).state(0) for number in (1, 2, 3)
    ]
    assert states == ["revoked", "active", "active"]


def test_keys_by_command_are_left_alone(revisions: Revisions, path: Path) -> None:
    keys = Keys(Database(path))
    made = keys.create("cli", "ann")
    apply(revisions, keys_of(hashed_key("a", 1)))
    apply(revisions, keys_of())
    assert reader(path).find_key(made.record.hash).state(0) == "active"
    with pytest.raises(ConfigurationError, match="made by command has this name"):
        apply(revisions, keys_of(hashed_key("cli", 1)))
    with pytest.raises(ConfigurationError, match="made by command as 'cli'"):
        apply(revisions, keys_of(Key(name="x", secret=f"sha256:{made.record.hash.hex()}")))


def test_a_revoked_key_stays_revoked(revisions: Revisions, path: Path) -> None:
    apply(revisions, keys_of(hashed_key("a", 1)))
    Keys(Database(path)).revoke("a", "ann")
    with pytest.raises(ConfigurationError, match="stays so"):
        apply(revisions, keys_of(hashed_key("a", 1)))
    text = export(revisions.current().written)
    assert "revoked: true" in text
    apply(revisions, load(text, environment=VARIABLES))
    assert reader(path).find_key(bytes.fromhex(f"{1:064x}")).state(0) == "revoked"


# -- several writers, and dead ones --------------------------------------------------------------


def test_no_update_is_lost(path: Path) -> None:
    def add(number: int) -> int:
        revisions = Revisions(Database(path), BOX)
        model = Model(name=f"m{number}", provider="p")
        return revisions.edit(
            lambda old: msgspec.structs.replace(old, providers=(P,), models=(*old.models, model)),
            f"writer {number}",
            "add",
            VARIABLES,
        )

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(add, range(16)))
    assert sorted(numbers) == list(range(1, 17))
    models = Revisions(Database(path), BOX).current().written.models
    assert sorted(model.name for model in models) == sorted(f"m{n}" for n in range(16))


def test_of_two_appliers_one_is_told(path: Path) -> None:
    def put(number: int) -> str:
        document = Document(settings=Settings(gate=GateSettings(workers=number)))
        try:
            Revisions(Database(path), BOX).apply(document, "a", "s", expected_revision=0)
        except StaleError as error:
            return str(error)
        return "applied"

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(put, (2, 3)))
    assert results[0] == "applied"
    assert "changed meanwhile" in results[1]
    assert len(Revisions(Database(path), BOX).history()) == 1


DIES = """
import sys, pathlib
from faregate.configuration.document import *
from faregate.storage import revisions_writing as module
from faregate.storage.revisions import Revisions
from faregate.storage.database import Database
from faregate.storage.secrets import SecretBox

def hang(*args, **kwargs):
    original(*args, **kwargs)
    print("inside", flush=True)
    sys.stdin.read()

original, module.synchronise_keys = module.synchronise_keys, hang
keys = tuple(Key(name=f"k{n}", secret=f"sha256:{n:064x}") for n in range(500))
document = Document(providers=(Provider(name="new", base_url="http://new"),), keys=keys)
revisions = Revisions(Database(pathlib.Path(sys.argv[1])), SecretBox(b"k" * 32))
revisions.apply(document, "dying", "never")
"""


def test_killed_in_the_middle_leaves_nothing(revisions: Revisions, path: Path) -> None:
    apply(revisions, keys_of(hashed_key("a", 900)))
    child = subprocess.Popen(
        [sys.executable, "-c", DIES, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "inside\n"
    assert reader(path).latest().revision == 1
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=10)
    assert revisions.current().written == keys_of(hashed_key("a", 900))
    assert [entry.record.name for entry in Keys(Database(path)).list()] == ["a"]
    assert [row.number for row in revisions.history()] == [1]
    assert apply(revisions, keys_of()) == 2
