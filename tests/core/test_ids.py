"""Call ids are unique, of one length and alphabet, and in order within a worker."""

import re

from faregate.core.ids import CALL_ID_LENGTH, CallIds


def _fixed_hex(length: int) -> str:
    return "ab" * (length // 2)


def test_an_id_has_one_form():
    for started_s in (0, 1_700_000_000, 2**40):
        call_id = CallIds(started_s).next()
        assert len(call_id) == CALL_ID_LENGTH
        assert re.fullmatch(r"call_[0-9a-f]{26}", call_id)


def test_parts_are_start_worker_and_count():
    ids = CallIds(0x65_53_F1_00, _fixed_hex)
    assert ids.next() == "call_6553f100" + "ababababab" + "00000001"
    assert ids.next() == "call_6553f100" + "ababababab" + "00000002"


def test_ids_of_a_worker_sort_in_order():
    ids = CallIds(1_700_000_000)
    made = [ids.next() for _ in range(300)]
    assert made == sorted(set(made))


def test_workers_of_the_same_second_differ():
    made = {CallIds(1_700_000_000).next() for _ in range(100)}
    assert len(made) == 100
