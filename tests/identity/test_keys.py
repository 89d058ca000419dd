"""A key is 256 random bits with a checksum; only its hash and first characters are kept."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.identity import keys
from faregate.identity.keys import KeyRecord, generate_key, hash_key, is_well_formed, shown_prefix


def _record(expires_ns: int | None = None, revoked_ns: int | None = None) -> KeyRecord:
    return KeyRecord(
        key_id="key_1",
        name="shop",
        prefix="fg_abcdef",
        hash=bytes(32),
        models=None,
        created_ns=0,
        expires_ns=expires_ns,
        revoked_ns=revoked_ns,
    )


def test_a_new_key_is_well_formed_and_its_own():
    made = {generate_key() for _ in range(200)}
    assert len(made) == 200
    assert all(is_well_formed(key) for key in made)
    assert {len(key) for key in made} == {keys.KEY_LENGTH}


def test_the_secret_holds_all_its_bits():
    assert 62**keys.SECRET_CHARACTERS >= 2**keys.SECRET_BITS
    assert 62**keys.CHECKSUM_CHARACTERS >= 2**32


@given(at=st.integers(3, keys.KEY_LENGTH - 1), character=st.sampled_from("0aZ_-é"))
def test_one_wrong_character_is_noticed(at: int, character: str):
    key = generate_key()
    wrong = key[:at] + character + key[at + 1 :]
    assert is_well_formed(wrong) == (wrong == key)


@given(st.text(max_size=60))
def test_other_text_is_no_key(text: str):
    assert not is_well_formed(text)


@pytest.mark.parametrize("length", [0, 3, keys.KEY_LENGTH - 1])
def test_a_cut_key_is_no_key(length: int):
    assert not is_well_formed(generate_key()[:length])


def test_a_longer_key_is_no_key():
    assert not is_well_formed(generate_key() + "0")


def test_what_is_kept_does_not_give_the_key_away():
    key = generate_key()
    assert hash_key(key) == hashlib.sha256(key.encode()).digest()
    assert shown_prefix(key) == key[: keys.SHOWN_CHARACTERS]
    assert keys.SHOWN_CHARACTERS - len(keys.PREFIX) <= 6


@pytest.mark.parametrize(
    ("expires_ns", "revoked_ns", "now_ns", "state"),
    [
        (None, None, 10, "active"),
        (11, None, 10, "active"),
        (10, None, 10, "expired"),
        (9, None, 10, "expired"),
        (None, 5, 10, "revoked"),
        (9, 5, 10, "revoked"),
    ],
)
def test_state_at_a_time(expires_ns: int | None, revoked_ns: int | None, now_ns: int, state: str):
    assert _record(expires_ns, revoked_ns).state(now_ns) == state
