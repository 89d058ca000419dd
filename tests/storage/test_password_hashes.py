"""Passwords are hashed with Argon2id, two at once, and nobody's takes as long as anybody's."""

import threading
import time
from statistics import median

import pytest

from faregate.core.errors import StorageError
from faregate.storage import password_hashes as module
from faregate.storage.password_hashes import Cost, PasswordHashes

CHEAP = Cost(1, 8, 1)


def test_what_is_stored() -> None:
    hashes = PasswordHashes()
    stored = hashes.hash("violet river canoe")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert hashes.verify(stored, "violet river canoe")
    assert not hashes.verify(stored, "violet river canoes")


def test_one_form_of_a_password() -> None:
    hashes = PasswordHashes(CHEAP)
    assert hashes.verify(hashes.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")
    assert hashes.hash("a") != hashes.hash("a")


@pytest.mark.parametrize("stored", [None, "", "$argon2id$nonsense"])
def test_nobody_has_no_password(stored: str | None) -> None:
    hashes = PasswordHashes(CHEAP)
    assert not hashes.verify(stored, "")
    assert not hashes.verify(stored, "nobody's")


def test_nobody_takes_as_long() -> None:
    hashes = PasswordHashes(Cost(2, 16 * 1024, 1))
    stored = hashes.hash("violet river canoe")

    def seconds(known: str | None) -> float:
        begun = time.perf_counter()
        hashes.verify(known, "another password")
        return time.perf_counter() - begun

    seconds(None)
    pairs = [(seconds(stored), seconds(None)) for _ in range(15)]
    known, unknown = median(a for a, _ in pairs), median(b for _, b in pairs)
    assert 0.5 < known / unknown < 2


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S_MAX", 0.01)
    hashes = PasswordHashes(CHEAP)
    inside, leave = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with hashes._in_turn():
            inside.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    with pytest.raises(StorageError, match="too many passwords"):
        hashes.hash("x")
    leave.set()
    for thread in threads:
        thread.join(10)
    assert hashes.verify(hashes.hash("x"), "x")
