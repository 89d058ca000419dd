"""Ends of answers mean the same on both sides."""

import pytest

from faregate.dialects.neutral.parts import RefusalText, Text, ToolCall
from faregate.dialects.neutral.reply import Finish
from faregate.dialects.openai.finishes import finish_of, read_finish, write_finish


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls", "content_filter", "error"])
def test_an_end_comes_back(finish: Finish):
    assert read_finish(write_finish(finish, refuses=False), calls=False, refuses=False) == finish


@pytest.mark.parametrize(
    ("stated", "finish"),
    [
        (None, "stop"),
        ("", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("function_call", "tool_calls"),
        ("model_length", "context_length"),
        ("insufficient_system_resource", "error"),
        ("sensitive", "content_filter"),
        ("something new", "stop"),
    ],
)
def test_words_of_other_vendors_are_known(stated: str | None, finish: str):
    assert finish_of(stated, [Text("x")]) == finish


def test_an_answer_that_calls_waits_for_results():
    call = ToolCall("1", "f", "{}")
    assert finish_of("stop", [call]) == "tool_calls"
    assert finish_of(None, [call]) == "tool_calls"
    assert finish_of("length", [call]) == "length"


def test_a_refusal_is_told_by_its_text():
    assert finish_of("stop", [RefusalText("no")]) == "refusal"
    assert write_finish("refusal", refuses=True) == "stop"
    assert write_finish("refusal", refuses=False) == "content_filter"
