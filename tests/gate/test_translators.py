"""What can be read and written, by operation and dialect."""

import pytest

from faregate.dialects.translation import TargetFacts
from faregate.gate.translators import STANDS_IN, caller, translator
from faregate.providers.vendors import DIALECTS

GENERATING = DIALECTS["generate"]
WHOLE = [
    ("embeddings", "openai_embeddings"),
    ("rerank", "cohere_rerank"),
    ("count_tokens", "anthropic"),
    ("count_tokens", "gemini"),
]


@pytest.mark.parametrize("dialect", GENERATING)
def test_all_that_generate_read_and_write(dialect: str) -> None:
    found = translator("generate", dialect)
    assert found is not None
    assert found is caller("generate", dialect)
    for method in ("read_request", "write_request", "read_reply", "write_reply", "stream_writer"):
        assert callable(getattr(found, method))
    assert hasattr(found, "stream_reader")


@pytest.mark.parametrize(("operation", "dialect"), WHOLE)
def test_what_answers_as_a_whole_has_no_streams(operation: str, dialect: str) -> None:
    found = translator(operation, dialect)
    assert found is not None
    assert not hasattr(found, "stream_reader")


@pytest.mark.parametrize("target", GENERATING)
@pytest.mark.parametrize("source", GENERATING)
def test_a_request_of_any_is_written_for_any(source: str, target: str) -> None:
    asked = translator("generate", "openai_chat")
    neutral = asked.read_request(
        b'{"model":"m","messages":[{"role":"user","content":"hello"}]}', None, stream=False
    )
    facts = TargetFacts(model="m")
    there = caller("generate", source).read_request(
        translator("generate", source).write_request(neutral, facts).body, "m", stream=False
    )
    written = translator("generate", target).write_request(there, facts)
    assert b"hello" in written.body
    assert written.lost == ()


def test_completions_are_asked_as_chats_where_there_are_none() -> None:
    assert STANDS_IN["completions"] == "generate"
    assert translator("completions", "openai_chat") is translator("generate", "openai_chat")
    assert translator("completions", "openai_completions") is not None


@pytest.mark.parametrize(
    ("operation", "dialect"),
    [("generate", "morse"), ("telepathy", "openai_chat"), ("moderations", "openai_moderations")],
)
def test_what_nothing_reads_is_none(operation: str, dialect: str) -> None:
    assert translator(operation, dialect) is None
    assert caller(operation, dialect) is None
