"""The operator's token follows from the master key, and nothing follows from its hash."""

import pytest

from faregate.identity.keys import generate_key, hash_key, is_well_formed
from faregate.identity.operator import is_operator, is_operator_token, operator_token

MASTER_KEY = bytes(range(32))
TOKEN = operator_token(MASTER_KEY)


def test_it_is_the_same_for_one_master_key_and_another_for_another():
    assert operator_token(MASTER_KEY) == TOKEN
    assert operator_token(bytes(32)) != TOKEN
    # Pinned: a gate and a command of different releases must agree.
    assert hash_key(TOKEN).hex().startswith("e33e201f361c")


def test_it_has_the_form_of_a_key_but_is_none():
    assert TOKEN.startswith("fgo_")
    assert is_operator_token(TOKEN)
    assert not is_well_formed(TOKEN)
    assert not is_operator_token(generate_key())
    assert not is_operator_token(TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"))
    assert not is_operator_token("")


def test_only_the_token_itself_is_the_operators():
    assert is_operator(TOKEN, hash_key(TOKEN))
    assert not is_operator(operator_token(bytes(32)), hash_key(TOKEN))
    assert not is_operator("", hash_key(TOKEN))


@pytest.mark.parametrize("presented", [TOKEN, "", "fgo_"])
def test_without_a_hash_nobody_is_the_operator(presented):
    assert not is_operator(presented, None)


def test_the_master_key_is_not_in_it():
    assert MASTER_KEY.hex() not in TOKEN
    assert hash_key(MASTER_KEY.hex()) != hash_key(TOKEN)
