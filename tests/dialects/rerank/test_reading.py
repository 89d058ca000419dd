"""Requests to rank, and their replies, are read in all of their shapes."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.rerank import reading
from faregate.dialects.rerank.neutral import Ranked, RerankRequest
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.usage import Usage


def read(**members: object) -> RerankRequest | Refusal:
    body = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}]} | members
    return reading.read_request(json.dumps(body).encode(), "jina_rerank")


def test_a_request_is_read() -> None:
    request = read(
        top_n=2, return_documents=True, rank_fields=["x"], truncation=False,
        max_tokens_per_doc=9, query={"text": "why"}, later=1,
    )  # fmt: skip
    assert request == RerankRequest(
        model="m", origin="jina_rerank", query="why", documents=("a", {"text": "b"}), top_n=2,
        return_documents=True, fields=("x",), truncate="none", document_tokens_max=9,
        others={"later": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"query": {"image": "x"}}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": ["a", 1]}, "documents[1]"),
        ({"top_n": -1}, "top_n"),
        ({"return_documents": 1}, "return_documents"),
        ({"rank_fields": "a"}, "rank_fields"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, object], param: str) -> None:
    refusal = read(**members)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param
    assert isinstance(reading.read_request(b"[", "x"), Refusal)


def test_replies_are_read() -> None:
    cohere = b'{"id":"r","results":[{"index":1,"relevance_score":0.9},{"index":0,"score":0}]}'
    reply = reading.read_reply(cohere, Usage(search_units=1))
    assert reply.results == (Ranked(1, 0.9), Ranked(0, 0))
    assert (reply.id, reply.usage) == ("r", Usage(search_units=1))
    voyage = b'{"object":"list","data":[{"relevance_score":0.5,"index":0}],"model":"rerank-2.5"}'
    assert reading.read_reply(voyage, None).results == (Ranked(0, 0.5),)
    assert reading.read_reply(voyage, None).model == "rerank-2.5"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b'{"results":[1]}', b'{"results":[{"index":-1,"relevance_score":1}]}',
        b'{"results":[{"index":0}]}', b'{"results":{}}',
    ],
)  # fmt: skip
def test_a_wrong_reply_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        reading.read_reply(body, None)
