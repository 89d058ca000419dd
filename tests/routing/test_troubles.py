"""Every kind of trouble has a place in each table."""

from typing import get_args

from faregate.core.refusals import KINDS
from faregate.providers.refusals import refusal_code
from faregate.providers.rules import Meaning
from faregate.routing.troubles import (
    BROKEN,
    COUNTED,
    OF_THE_REQUEST,
    REFUSAL_CODES,
    REPEATABLE,
    RESTS,
    TOLD_RANK,
    Kind,
)

ALL = set(get_args(Kind))


def test_every_kind_is_ranked_and_has_its_code():
    assert set(TOLD_RANK) == set(REFUSAL_CODES) == ALL
    assert {code for code in REFUSAL_CODES.values() if code is not None} <= set(KINDS)


def test_codes_are_those_of_the_classification():
    meanings = [*get_args(Meaning), "failed"]
    assert set(meanings) <= ALL
    assert {each: refusal_code(each) for each in meanings} == {
        each: REFUSAL_CODES[each] for each in meanings
    }


def test_what_is_of_the_request_or_ours_benches_nothing():
    assert ALL - set(RESTS) == OF_THE_REQUEST | {"busy"}
    assert not OF_THE_REQUEST & (BROKEN | COUNTED | REPEATABLE)


def test_what_a_caller_can_mend_is_told_before_all_else():
    ranked = sorted(ALL, key=lambda kind: TOLD_RANK[kind])
    assert set(ranked[:3]) == OF_THE_REQUEST - {"unsupported"}
    # That a stand-in's dialect can't carry it is told only before what no caller can mend.
    assert ranked[-5] == "unsupported"
    assert set(ranked[-3:]) == BROKEN
