"""Rerank sorts documents by a score that follows from them, in three vendors' shapes."""

from tests.simulator.asking import ask

ASKED = {"model": "sim", "query": "q", "documents": ["a", {"text": "b"}, "c"]}


def test_cohere():
    found = ask("/v2/rerank", {**ASKED, "top_n": 2}).json
    scores = [row["relevance_score"] for row in found["results"]]
    assert (len(scores), scores) == (2, sorted(scores, reverse=True))
    assert found["meta"]["billed_units"] == {"search_units": 1}
    assert ask("/cohere/v1/rerank", ASKED).json["results"][:2] == found["results"]


def test_jina():
    found = ask("/v1/rerank", {**ASKED, "return_documents": True}).json
    assert sorted(row["document"]["text"] for row in found["results"]) == ["a", "b", "c"]
    assert found["usage"] == {"total_tokens": 4}


def test_voyage():
    found = ask("/v1/rerank", {**ASKED, "top_k": 1, "return_documents": True}).json
    assert (found["object"], len(found["data"])) == ("list", 1)
    assert isinstance(found["data"][0]["document"], str)


def test_what_is_refused():
    assert ask("/v1/rerank", {**ASKED, "documents": []}).status == 400
    assert ask("/v1/rerank", {"model": "sim"}).status == 400
    assert ask("/v2/rerank", {**ASKED, "documents": "x"}).json["message"].startswith("documents")
