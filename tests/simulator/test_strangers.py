"""Whatever bytes come, at every address, they are answered and nothing breaks."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.asking import ask

from faregate.simulator.routing import EARLY_BODIES

PATHS = (
    "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings",
    "/v1/moderations", "/v1/images/generations", "/v1/audio/speech", "/v1/messages",
    "/v1/messages/count_tokens", "/v1/messages/batches", "/v1/batches", "/v1/files", "/v1/rerank",
    "/v1beta/models/sim:generateContent", "/v1beta/models/sim:streamGenerateContent",
    "/v1beta/models/sim:embedContent", "/v1beta/models/sim:batchEmbedContents",
    "/v1beta/models/sim:countTokens", "/model/sim/converse", "/model/sim/converse-stream",
    "/model/sim/invoke", "/model/sim/invoke-with-response-stream", "/model/sim/count-tokens",
    "/v2/chat", "/v2/embed", "/v2/rerank", "/api/chat", "/api/generate", "/api/embed",
    "/api/show", "/v1/text-to-speech/x", "/token",
    "/v1/projects/p/locations/l/publishers/anthropic/models/sim:rawPredict",
    "/v1/projects/p/locations/l/publishers/google/models/sim:predict",
)  # fmt: skip
NAMES = sorted(
    {name for body in EARLY_BODIES for name in msgspec.json.decode(body)}
    | {"stream", "tools", "tool_choice", "toolConfig", "generationConfig", "system", "documents",
       "query", "texts", "input_type", "text", "voice", "requests", "instances", "thinking",
       "response_format", "options", "format", "output_config", "inferenceConfig", "n", "size"}
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "parts", "name", "id", "toolUse",
                             "function", "functionDeclarations", "tool_calls", "schema"]),
            inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
HEADERS = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_members(path, data):
    body = msgspec.json.decode(data.draw(st.sampled_from(EARLY_BODIES)))
    body |= data.draw(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
    assert ask(path, body, headers=HEADERS).status in (200, 400, 404, 422)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000])
def test_no_json(path, body):
    assert ask(path, body, headers=HEADERS).status in (400, 404, 422)
