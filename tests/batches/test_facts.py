"""Facts say whose things are, and change only forwards."""

import msgspec
import pytest
from tests.batches.contract import NOW_S, batch_facts, ending

from faregate.batches import facts
from faregate.identity.keys import KeyRecord

KEY = KeyRecord("id", "name", "fg_", b"", None, 0, None, None)


def test_files_are_the_applications_or_the_keys() -> None:
    assert facts.owner_of(KEY) == "key:id"
    assert facts.owner_of(msgspec.structs.replace(KEY, application="shop")) == "application:shop"
    # No name of an application can be taken for a key.
    other = msgspec.structs.replace(KEY, application="key:id")
    assert facts.owner_of(other) != facts.owner_of(KEY)


def test_ids_can_not_be_guessed() -> None:
    made = {facts.new_file_id() for _ in range(100)} | {
        facts.new_batch_id("anthropic") for _ in range(100)
    }
    assert len(made) == 200
    assert all(32 < len(one) <= facts.ID_CHARACTERS_MAX for one in made)
    assert facts.new_batch_id("openai").startswith("batch_")
    assert facts.input_name("batch_a") != facts.results_name("batch_a")


@pytest.mark.parametrize("state", ["completed", "failed", "expired", "cancelled"])
def test_what_has_ended_is_not_cancelled(state: facts.BatchState) -> None:
    batch = batch_facts(state=state)
    assert not batch.is_open
    assert facts.cancelled(batch, NOW_S) is batch


def test_a_cancelled_batch_counts_and_ends() -> None:
    batch = facts.cancelled(batch_facts(), NOW_S)
    assert (batch.state, batch.times, batch.is_open) == ("cancelling", {"cancelling": NOW_S}, True)
    batch = facts.counted(facts.counted(batch, "cancelled", 3), "succeeded")
    done = facts.ended(batch, ending("cancelled", "cancelled"))
    assert (done.state, done.cancelled, done.succeeded) == ("cancelled", 3, 1)
    assert done.times == {"cancelling": NOW_S, "finalizing": NOW_S + 5, "cancelled": NOW_S + 5}
