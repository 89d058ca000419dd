"""Rerank goes from each dialect to each, and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.rerank.dialects import COHERE, DIALECTS, JINA, NATIVE, VOYAGE
from faregate.dialects.rerank.neutral import Ranked, RerankReply, RerankRequest
from faregate.dialects.translation import TargetFacts
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

TARGET = TargetFacts(model="m")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def requests(name: str) -> st.SearchStrategy[RerankRequest]:
    more: dict[str, Any] = {}
    documents: st.SearchStrategy[Any] = TEXTS
    if name == COHERE:
        more["document_tokens_max"] = st.none() | st.integers(1, 4096)
    else:
        documents = TEXTS | st.builds(lambda text: {"text": text}, TEXTS)
        more["return_documents"] = st.just(False)  # we give them back ourselves
    return st.builds(
        RerankRequest,
        model=st.just("m"),
        origin=st.just(name),
        query=TEXTS,
        documents=st.lists(documents, min_size=1, max_size=5).map(tuple),
        top_n=st.none() | st.integers(1, 5),
        others=st.dictionaries(st.sampled_from(["priority", "x"]), st.integers(0, 9)),
        **more,
    )


@pytest.mark.parametrize("name", [COHERE, JINA])
@given(data=st.data())
def test_a_request_comes_back(name: str, data: st.DataObject) -> None:
    request = data.draw(requests(name))
    written = DIALECTS[name].write_request(request, TARGET)
    assert written.lost == ()
    assert DIALECTS[name].read_request(written.body, None, stream=False) == request


REPLIES = st.builds(
    RerankReply,
    results=st.lists(st.builds(Ranked, st.integers(0, 2), st.floats(0, 1)), max_size=5).map(tuple),
    id=TEXTS.filter(bool),
)
ASKED = RerankRequest(model="m", origin=JINA, query="q", documents=("a", "b", "c"))


@pytest.mark.parametrize("name", [COHERE, JINA])
@given(reply=REPLIES, count=st.integers(0, 1_000))
def test_a_reply_comes_back(name: str, reply: RerankReply, count: int) -> None:
    usage = Usage(search_units=count) if name == COHERE else Usage(input_tokens=count)
    whole = RerankReply(results=reply.results, id=reply.id, usage=usage)
    asked = AskedWhole(request=ASKED, call_id="call_1", now_s=1)
    read_back = DIALECTS[name].read_reply(DIALECTS[name].write_reply(whole, asked))
    assert (read_back.results, read_back.id, read_back.usage) == (reply.results, reply.id, usage)


def test_units_are_told_to_callers_of_the_first_version() -> None:
    reply = RerankReply(results=(Ranked(1, 0.5),), usage=Usage(search_units=2))
    asked = AskedWhole(request=ASKED, call_id="call_1", now_s=1)
    written = json.loads(DIALECTS[JINA].write_reply(reply, asked))
    assert written["meta"]["billed_units"] == {"search_units": 2}
    assert written["results"] == [{"index": 1, "relevance_score": 0.5}]


def test_voyage_is_asked_in_its_words() -> None:
    request = RerankRequest(
        model="x", origin=JINA, query="q", documents=("a", {"title": "t"}), top_n=3,
        truncate="none", return_documents=True,
    )  # fmt: skip
    written = DIALECTS[VOYAGE].write_request(request, TARGET)
    assert written.lost == ()
    assert json.loads(written.body) == {
        "model": "m", "query": "q", "documents": ["a", "title: t"], "top_k": 3,
        "truncation": False, "return_documents": False,
    }  # fmt: skip


def test_what_a_target_has_not_is_told() -> None:
    request = RerankRequest(
        model="x", origin=JINA, query="q", documents=({"image": "x"},), truncate="none",
        document_tokens_max=3, others={"x": 1, "priority": 2},
    )  # fmt: skip
    for name, told in (
        (COHERE, ["documents.image", "others.x", "truncate"]),
        (VOYAGE, ["documents.image", "document_tokens_max", "others.x"]),
        (JINA, ["document_tokens_max", "truncate"]),
    ):
        lost = DIALECTS[name].write_request(request, TARGET).lost
        assert [one.name for one in lost] == told


def test_bytes_that_pass_through_are_metered() -> None:
    body = b'{"model":"rerank-v3.5","query":"q","documents":["a"]}'
    assert NATIVE.most(body) == Usage(search_units=1)
    reply = b'{"results":[],"meta":{"billed_units":{"search_units":1}}}'
    assert NATIVE.read_usage(reply) == Usage(search_units=1)
