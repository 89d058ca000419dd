"""Every meaning has words and an advice; every rule can be told."""

from typing import get_args

import pytest

from faregate.cli.provider_answer import known_providers, lines, tell
from faregate.providers.answers import judge, read_answer
from faregate.providers.refusals import ClassifiedMeaning
from faregate.providers.rules import ANY_VENDOR, Meaning, RefusalScope, Retry, all_rules
from faregate.providers.specimens import specimen
from faregate.providers.vendors import VENDORS


def test_every_vendor_and_every_rule_has_a_name_to_give():
    known = set(known_providers())
    assert set(VENDORS) <= known
    assert {numbered.rule.provider for numbered in all_rules()} - known == {ANY_VENDOR}


@pytest.mark.parametrize("numbered", all_rules(), ids=lambda numbered: str(numbered.index))
def test_every_rule_is_told_whole(numbered):
    made, rule = specimen(numbered.rule), numbered.rule
    vendor = "openai_compatible" if rule.provider == ANY_VENDOR else rule.provider
    answer = read_answer(made.body, made.status, made.headers)
    judged = judge(vendor, answer)
    assert judged is not None
    told = tell(vendor, answer, judged, 0.0)
    assert told.rule is not None
    text = "\n".join(lines(told))
    assert f"row {told.rule.row}:" in text
    assert told.operator_does in text
    assert told.side in ("caller", "operator", "provider")
    assert (told.gate_answers.code is None) == (
        told.meaning in ("invalid_request", "context_length", "content_refused")
        or made.status < 300
    )


def test_no_word_is_missing():
    meanings = {*get_args(Meaning), "failed", "none"}
    assert {one for part in get_args(ClassifiedMeaning) for one in get_args(part)} == meanings
    from faregate.cli import provider_answer as words

    assert set(words._MEANINGS) == set(words._ADVICE) == meanings
    assert set(words._SCOPES) == set(get_args(RefusalScope))
    assert set(words._RETRIES) == set(get_args(Retry))
