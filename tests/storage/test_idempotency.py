"""A request that is repeated is done once, and answered as before."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faregate.core.clock import ManualClock
from faregate.core.errors import StorageError
from faregate.storage.database import Database
from faregate.storage.idempotency import KEPT_S, UNDER_WAY_S, Begun, Idempotency
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
ONE, OTHER = b"1" * 32, b"2" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Database(tmp_path / "faregate.db").upgrade()
    return tmp_path / "faregate.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(path: Path, clock: ManualClock) -> Idempotency:
    return Idempotency(Database(path), BOX, clock)


def test_the_reply_is_given_again(store: Idempotency, path: Path) -> None:
    assert store.begin("user_1", "k", ONE) == Begun("fresh")
    store.finish("user_1", "k", 201, {"etag": '"1"'}, b'{"secret":"fg_shown_once"}\xff')
    again = store.begin("user_1", "k", ONE)
    assert again == Begun("replay", 201, {"etag": '"1"'}, b'{"secret":"fg_shown_once"}\xff')
    assert store.begin("user_1", "k", OTHER).kind == "mismatch"
    kept = path.read_bytes() + path.with_suffix(".db-wal").read_bytes()
    assert b"shown_once" not in kept
    assert ONE not in kept


def test_keys_are_of_who_sent_them(store: Idempotency) -> None:
    assert store.begin("user_1", "2k", ONE).kind == "fresh"
    assert store.begin("user_12", "k", ONE).kind == "fresh"
    assert store.begin("user_1", "k", ONE).kind == "fresh"


def test_a_second_while_the_first_is_under_way(store: Idempotency, clock: ManualClock) -> None:
    store.begin("u", "k", ONE)
    assert store.begin("u", "k", ONE).kind == "in_flight"
    assert store.begin("u", "k", OTHER).kind == "mismatch"
    clock.advance(UNDER_WAY_S)
    assert store.begin("u", "k", ONE).kind == "interrupted"
    store.finish("u", "k", 200, {}, b"late")
    assert store.begin("u", "k", ONE).body == b"late"


def test_what_was_refused_gives_the_key_back(store: Idempotency) -> None:
    store.begin("u", "k", ONE)
    store.abandon("u", "k")
    assert store.begin("u", "k", OTHER).kind == "fresh"


def test_keys_expire(store: Idempotency, clock: ManualClock) -> None:
    store.begin("u", "k", ONE)
    store.finish("u", "k", 200, {}, b"")
    clock.advance(KEPT_S - 1)
    assert store.begin("u", "k", ONE).kind == "replay"
    clock.advance(1)
    assert store.begin("u", "k", OTHER).kind == "fresh"
    clock.advance(KEPT_S)
    store.begin("v", "k", ONE)
    store.finish("u", "k", 200, {}, b"too late")
    assert store.begin("u", "k", ONE).kind == "fresh"


def test_of_many_at_once_one_is_fresh(path: Path) -> None:
    stores = [Idempotency(Database(path), BOX) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(lambda n: stores[n % 4].begin("u", "k", ONE).kind, range(24)))
    assert sorted(set(kinds)) == ["fresh", "in_flight"]
    assert kinds.count("fresh") == 1


def test_another_master_key_opens_nothing(store: Idempotency, path: Path) -> None:
    store.begin("u", "k", ONE)
    with pytest.raises(StorageError, match="another master key"):
        Idempotency(Database(path), SecretBox(b"x" * 32), ManualClock()).begin("u", "k", ONE)
