"""Callers beside keys have a record like a key's, by which they are known everywhere."""

import pytest

from faregate.core.clock import ManualClock
from faregate.policies.identified import Identified, caller_record, method_of, read_caller_id
from faregate.policies.keys import KeyEntry


def test_a_record_says_what_it_is():
    record = caller_record("jwt", "corp", "sales/shop")
    assert (record.key_id, record.name) == ("jwt:corp:sales/shop",) * 2
    assert (record.application, record.models) == ("sales/shop", None)
    assert read_caller_id(record.key_id) == ("jwt", "corp", "sales/shop")
    assert method_of(record) == "jwt"
    assert record == caller_record("jwt", "corp", "sales/shop")
    assert record.hash != caller_record("hmac", "corp", "sales/shop").hash


@pytest.mark.parametrize("key_id", ["", "key_00", "key:a:b", "oauth2:a:b", "jwt:corp", "jwt::b"])
def test_keys_are_no_such_callers(key_id: str):
    assert read_caller_id(key_id) is None


def test_it_holds_until_something_ends():
    clock = ManualClock()
    record = caller_record("jwt", "corp", "shop")
    entry = KeyEntry(record)
    found = Identified("oauth2", record, clock.wall_ns() + 5, key=entry)
    assert found.holds(clock.wall_ns())
    assert not found.holds(clock.wall_ns() + 5)
    entry.live = False
    assert not found.holds(clock.wall_ns())
    lasting = Identified("hmac", record)
    assert lasting.holds(clock.wall_ns())
    lasting.live = False
    assert not lasting.holds(clock.wall_ns())
