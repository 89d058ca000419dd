"""Every caller's dialect is served by every target's, and no writer ever fails."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.embeddings.forms import MIXED, TEXTS, TOKENS, asked
from tests.dialects.rerank.test_dialects import ASKED

from faregate.core.refusals import Refusal
from faregate.dialects.audio.neutral import SpeechRequest, TranscriptionRequest
from faregate.dialects.embeddings.neutral import EmbedRequest, vectors_of
from faregate.dialects.images.neutral import ImageRequest
from faregate.dialects.rerank.neutral import RerankRequest
from faregate.dialects.translation import TargetFacts
from faregate.dialects.usage import Usage
from faregate.dialects.whole_dialects import CALLERS, PATHS, TARGETS
from faregate.dialects.whole_translation import AskedWhole
from faregate.providers.vendors import DIALECTS

VECTOR = [0.5, -1.25]
EMBED_BODIES = {
    "openai_embeddings": {"model": "m", "input": "a", "encoding_format": "base64"},
    "gemini_embeddings": {"content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY"},
    "cohere_embeddings": {"model": "m", "texts": ["a"], "input_type": "search_query"},
    "ollama_embeddings": {"model": "m", "input": "a", "keep_alive": "5m"},
}
EMBED_REPLIES: dict[str, dict[str, Any]] = {
    "openai_embeddings": {
        "data": [{"index": 0, "embedding": VECTOR}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
    "gemini_embeddings": {
        "embeddings": [{"values": VECTOR}],
        "usageMetadata": {"promptTokenCount": 7},
    },
    "cohere_embeddings": {
        "embeddings": {"float": [VECTOR]},
        "meta": {"billed_units": {"input_tokens": 7}},
    },
    "ollama_embeddings": {"embeddings": [VECTOR], "prompt_eval_count": 7},
    "voyage_embeddings": {
        "data": [{"index": 0, "embedding": VECTOR}],
        "usage": {"total_tokens": 7},
    },
    "bedrock_invoke": {"embedding": VECTOR, "inputTextTokenCount": 7},
}


@pytest.mark.parametrize("target", EMBED_REPLIES)
@pytest.mark.parametrize("caller", EMBED_BODIES)
def test_a_text_is_embedded_by_any_target(caller: str, target: str) -> None:
    asking: Any = CALLERS["embeddings"][caller]
    serving = TARGETS["embeddings"][target]
    request = asking.read_request(json.dumps(EMBED_BODIES[caller]).encode(), "m", stream=False)
    assert not isinstance(request, Refusal)
    written = serving.write_request(request, TargetFacts(model="served"))
    assert written.lost == ()
    assert b'"a"' in written.body
    reply = serving.read_reply(json.dumps(EMBED_REPLIES[target]).encode())
    assert reply.usage is not None
    assert reply.usage.input_tokens == 7
    shown = asking.read_reply(asking.write_reply(reply, asked(request)))
    assert vectors_of(shown, "float") == (VECTOR,)


RERANK_REPLIES: dict[str, dict[str, Any]] = {
    "cohere_rerank": {
        "results": [{"index": 1, "relevance_score": 0.5}],
        "meta": {"billed_units": {"search_units": 1}},
    },
    "jina_rerank": {
        "results": [{"index": 1, "relevance_score": 0.5}],
        "usage": {"total_tokens": 9},
    },
    "voyage_rerank": {
        "data": [{"index": 1, "relevance_score": 0.5}],
        "usage": {"total_tokens": 9},
    },
}


@pytest.mark.parametrize("target", RERANK_REPLIES)
@pytest.mark.parametrize("caller", CALLERS["rerank"])
def test_documents_are_ranked_by_any_target(caller: str, target: str) -> None:
    asking: Any = CALLERS["rerank"][caller]
    serving = TARGETS["rerank"][target]
    body = json.dumps({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}).encode()
    request = asking.read_request(body, None, stream=False)
    assert serving.write_request(request, TargetFacts(model="served")).lost == ()
    reply = serving.read_reply(json.dumps(RERANK_REPLIES[target]).encode())
    assert reply.usage in (Usage(search_units=1), Usage(input_tokens=9))
    answered = AskedWhole(request=ASKED, call_id="call_1", now_s=1)
    shown = json.loads(asking.write_reply(reply, answered))
    assert shown["results"] == [{"index": 1, "relevance_score": 0.5}]


OTHERS = st.dictionaries(st.sampled_from(["x", "seed"]), st.none() | st.integers() | TEXTS)
TEXT = st.none() | TEXTS
REQUESTS: dict[str, st.SearchStrategy[Any]] = {
    "embeddings": st.builds(
        EmbedRequest,
        inputs=st.lists(TEXTS | TOKENS | MIXED, max_size=3).map(tuple),
        others=OTHERS,
    ),
    "rerank": st.builds(
        RerankRequest,
        documents=st.lists(
            TEXTS | st.dictionaries(st.sampled_from(["text", "image", "x"]), TEXTS | st.integers())
        ).map(tuple),
        others=OTHERS,
    ),
    "images": st.builds(ImageRequest, others=OTHERS),
    "speech": st.builds(SpeechRequest, others=OTHERS),
    "transcriptions": st.builds(
        TranscriptionRequest,
        media_type=st.just("audio/wav"),
        others=st.dictionaries(st.sampled_from(["x", "seed"]), st.lists(TEXTS).map(tuple)),
    ),
}
MODELS = ["m", "jina", "cohere.embed-v4:0", "amazon.titan-embed-image-v1", "ultra"]


@pytest.mark.parametrize("operation", REQUESTS)
@given(data=st.data())
def test_no_request_makes_a_writer_fail(operation: str, data: st.DataObject) -> None:
    request = data.draw(REQUESTS[operation])
    vendor = data.draw(st.sampled_from(["", "jina", "nvidia_nim", "vertex"]))
    model = data.draw(st.sampled_from(MODELS))
    for serving in TARGETS[operation].values():
        written = serving.write_request(request, TargetFacts(model=model, vendor=vendor))
        assert written.body
        assert all(one.name and one.why for one in written.lost)


def test_names_are_those_of_vendors_rows() -> None:
    for operation in (*CALLERS, *TARGETS):
        known = set(DIALECTS[operation])  # type: ignore[index]
        assert set(CALLERS[operation]) <= known
        assert set(TARGETS[operation]) <= known
    named = {name for names in TARGETS.values() for name in names}
    assert named - PATHS.keys() == {"gemini_embeddings", "stability", "elevenlabs"}
