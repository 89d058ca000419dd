"""Every address that answers as a whole, with every target that serves it: shapes and charges."""

import base64
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.dialects.audio.sounds import wav
from tests.gate.running import Place, Reply, running

from faregate.configuration.document import Document
from faregate.configuration.references import plain
from faregate.gate.served import OPERATIONS
from faregate.providers.vendors import VENDORS
from faregate.wire import multipart

TEXT = "fourteen bytes"  # four tokens, as a text and as JSON
SOUND = wav(4_000, rate=4_000)  # by its head; to the simulator 32,044 bytes of 16,000 a second
PRICES: dict[str, dict[str, Any]] = {
    "tokens": {"input": "1", "output": "2"},
    "units": {
        "image": "0.01", "images": {"hd/1024x1024": "0.08"}, "audio_hour": "0.36",
        "characters": "15", "search_unit": "0.002",
    },
    "requests": {"request": "0.001"},
}  # fmt: skip


class Target(NamedTuple):
    """An account at the simulator, and the model that is asked for there."""

    path: str
    vendor: str
    model: str = "sim"
    more: Mapping[str, Any] = MappingProxyType({})


TARGETS = {
    "openai": Target("/v1", "openai"),
    "whisper": Target("/v1", "openai", "whisper-1"),
    "groq": Target("/v1", "groq", "whisper-large-v3"),
    "gemini": Target("/v1beta", "gemini", "gemini-embedding-001"),
    "vertex": Target("/v1/projects/p/locations/l", "vertex", "text-embedding-005", {
        "api_key": "ya29.token", "options": {"project": "p"},
    }),
    "vertex_gemini": Target("/v1/projects/p/locations/l", "vertex", "gemini-embedding-001", {
        "api_key": "ya29.token", "options": {"project": "p"},
    }),
    "cohere": Target("/v2", "cohere"),
    "ollama": Target("/v1", "ollama", more={"dialects": {"embeddings": ["ollama_embeddings"]}}),
    "voyage": Target("/voyage/v1", "voyage"),
    "bedrock": Target("", "bedrock", "amazon.titan-embed-text-v2:0", {
        "api_key": "AKID:secret", "options": {"region": "us-east-1"},
    }),
    "bedrock_cohere": Target("", "bedrock", "cohere.embed-english-v3", {
        "api_key": "AKID:secret", "options": {"region": "us-east-1"},
    }),
    "jina": Target("/v1", "jina"),
    "elevenlabs": Target("/v1", "elevenlabs", "eleven_multilingual_v2"),
    "stability": Target("/v2beta", "stability", "core"),
    "anthropic": Target("/v1", "anthropic"),
}  # fmt: skip


@contextlib.asynccontextmanager
async def serving(prices: str = "tokens", grant: int = 10**10) -> AsyncIterator[Place]:
    """A gate with a model of each target's name, priced in these units."""
    commerce = {"applications": [{"name": "app", "wallet": "main"}], "wallets": [{"name": "main"}]}
    async with running(commerce=commerce) as place:
        place.ledger.grant("main", grant)
        told = plain(place.source.latest().document)
        told["providers"] = [
            {
                "name": name, "api_key": "key", "proxy": "none", "vendor": target.vendor,
                "base_url": f"http://127.0.0.1:{place.sim.port}{target.path}", **target.more,
            }
            for name, target in TARGETS.items()
        ]  # fmt: skip
        told["models"] = [
            {"name": name, "provider": name, "upstream_model": target.model}
            for name, target in TARGETS.items()
        ]
        told["models"] += [
            {"name": name, "provider": provider, "upstream_model": "sim:error=rate_limit"}
            for name, provider in (("failing", "openai"), ("failing_cohere", "cohere"))
        ]
        told["prices"] = [{"model": one["name"], **PRICES[prices]} for one in told["models"]]
        told["virtual_models"] = [
            {"name": f"any_{of[0]}", "targets": [{"model": name} for name in of]}
            for of in (("stability", "openai"), ("elevenlabs", "openai"), ("failing", "elevenlabs"))
        ]
        place.adopt(msgspec.convert(told, Document))
        yield place


async def asked(place: Place, path: str, model: str, body: Any, **more: str) -> Reply:
    """A call of `model`, which is the body's or the path's to say; forms are lists of fields."""
    if isinstance(body, list):
        fields = [multipart.Field("model", model.encode()), *body]
        data, content_type = multipart.write(fields)
        return await place.post(data, path, content_type=content_type, **more)
    if "{model}" in path:
        return await place.post(body, path.replace("{model}", model), **more)
    return await place.post({"model": model, **body}, path, **more)


async def charged(place: Place) -> tuple[str, int]:
    """Of the last call: the basis of its charge, and nano-dollars."""
    await place.settled(len(place.calls()))
    charge = list(place.calls().values())[-1].settled.charge
    assert charge is not None
    return charge.basis, charge.charge_nano


# -- embeddings ------------------------------------------------------------------------------------

EMBEDDINGS: dict[str, tuple[Any, Callable[[Any], list[Any]]]] = {
    "/v1/embeddings": ({"input": TEXT}, lambda said: [one["embedding"] for one in said["data"]]),
    "/v2/embed": (
        {"texts": [TEXT], "input_type": "search_query", "embedding_types": ["float"]},
        lambda said: said["embeddings"]["float"],
    ),
    "/api/embed": ({"input": TEXT}, lambda said: said["embeddings"]),
    "/api/embeddings": ({"prompt": TEXT}, lambda said: [said["embedding"]]),
}
EMBEDDINGS["/mistral/v1/embeddings"] = EMBEDDINGS["/v1/embeddings"]
for version in ("v1beta", "v1"):
    content = {"content": {"parts": [{"text": TEXT}]}}
    EMBEDDINGS[f"/{version}/models/{{model}}:embedContent"] = (
        content, lambda said: [said["embedding"]["values"]],
    )  # fmt: skip
    EMBEDDINGS[f"/{version}/models/{{model}}:batchEmbedContents"] = (
        {"requests": [{"model": "models/m", **content}]},
        lambda said: [one["values"] for one in said["embeddings"]],
    )
EMBEDDING = (
    "openai", "gemini", "vertex", "vertex_gemini", "cohere", "ollama", "voyage", "bedrock",
    "bedrock_cohere", "jina",
)  # fmt: skip
# Gemini's and Bedrock's Cohere state no usage in their bodies, nor does Ollama's first address.
UNSTATED = {"gemini", "vertex_gemini", "bedrock_cohere"}


@pytest.mark.parametrize("path", EMBEDDINGS)
async def test_embeddings(path: str) -> None:
    body, vectors = EMBEDDINGS[path]
    async with serving() as place:
        for target in EMBEDDING:
            reply = await asked(place, path, target, body)
            assert reply.status == 200, (target, reply.body)
            found = vectors(reply.json)
            assert len(found) == 1
            assert len(found[0]) > 100
            assert all(isinstance(number, float) for number in found[0][:9])
            unstated = target in UNSTATED or (target, path) == ("ollama", "/api/embeddings")
            unstated &= (target, path) != ("gemini", "/v1/embeddings")  # passed on as it is
            basis = "estimated" if unstated else "stated"
            nano = 6_000 if unstated else 5_000 if target == "voyage" else 4_000
            # What isn't stated is guessed from the text, in whatever dialect it came.
            assert await charged(place) == (basis, nano), target


async def test_vectors_as_base64_whoever_makes_them() -> None:
    async with serving() as place:
        for target in EMBEDDING:
            body = {"input": [TEXT] if target == "bedrock" else [TEXT, "b"]}
            body |= {"encoding_format": "base64"}
            reply = await asked(place, "/v1/embeddings", target, body)
            assert reply.status == 200, (target, reply.body)
            assert len(reply.json["data"]) == len(body["input"])
            for one in reply.json["data"]:
                assert len(base64.b64decode(one["embedding"])) % 4 == 0


# -- rerank ----------------------------------------------------------------------------------------

DOCUMENTS = [f"document number {at}" for at in range(3)]


@pytest.mark.parametrize("target", ["cohere", "jina", "voyage"])
@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
async def test_rerank(path: str, target: str) -> None:
    body = {"query": "where", "documents": DOCUMENTS, "top_n": 2}
    prices = "units" if target == "cohere" else "tokens"
    async with serving(prices) as place:
        reply = await asked(place, path, target, body)
        assert reply.status == 200, reply.body
        results = reply.json["results"]
        assert [set(one) for one in results] == [{"index", "relevance_score"}] * 2
        assert results[0]["relevance_score"] >= results[1]["relevance_score"]
        # One search unit; or two tokens of the query and five of each document.
        nano = 2_000_000 if target == "cohere" else 17_000
        assert await charged(place) == ("stated", nano)


# -- moderations -----------------------------------------------------------------------------------


async def test_moderations() -> None:
    async with serving("requests") as place:
        reply = await asked(place, "/v1/moderations", "openai", {"input": "a text"})
        assert reply.json["results"][0]["flagged"] is False
        assert (await charged(place))[1] == 1_000_000


# -- images ----------------------------------------------------------------------------------------

PICTURE = multipart.Field("image", b"\x89PNG", "a.png", "image/png")
PROMPT = multipart.Field("prompt", b"a cat")
IMAGES: list[tuple[str, str, Any]] = [
    ("/v1/images/generations", "openai", {"prompt": "a cat", "n": 2}),
    ("/v1/images/edits", "openai", [PROMPT, multipart.Field("n", b"2"), PICTURE]),
    ("/v1/images/variations", "openai", [multipart.Field("n", b"2"), PICTURE]),
]


@pytest.mark.parametrize(("path", "target", "body"), IMAGES)
async def test_images_by_tokens_and_by_the_image(path: str, target: str, body: Any) -> None:
    given = 0 if path.endswith("generations") else 194
    words = 1 if path.endswith("variations") else 2
    for prices, nano in (("tokens", (words + given) * 1_000 + 2 * 1_056 * 2_000),
                         ("units", 2 * 10_000_000)):  # fmt: skip
        async with serving(prices) as place:
            reply = await asked(place, path, target, body)
            assert reply.status == 200, reply.body
            assert [set(one) for one in reply.json["data"]] == [{"b64_json"}] * 2
            assert await charged(place) == ("stated", nano)


async def test_the_price_of_an_image_is_by_what_was_asked_for() -> None:
    body = {"prompt": "a cat", "n": 3, "quality": "hd", "size": "1024x1024"}
    async with serving("units") as place:
        assert (await asked(place, "/v1/images/generations", "openai", body)).status == 200
        assert await charged(place) == ("stated", 3 * 80_000_000)
    async with serving() as place:
        # It says how many there are and no tokens, and is priced by tokens.
        body |= {"response_format": "url"}
        assert (await asked(place, "/v1/images/generations", "openai", body)).status == 200
        assert await charged(place) == ("estimated", 2 * 1_000 + 3 * 4_195 * 2_000)


async def test_stability_makes_images() -> None:
    path, body = "/v1/images/generations", {"prompt": "a cat", "size": "1024x1024"}
    async with serving("units") as place:
        reply = await asked(place, path, "stability", body)
        assert reply.status == 200, reply.body
        assert base64.b64decode(reply.json["data"][0]["b64_json"]).startswith(b"\x89PNG")
        assert await charged(place) == ("stated", 10_000_000)
        [sent] = place.sim.requests
        assert sent.target == b"/v2beta/stable-image/generate/core"
        for name, value in (("n", 2), ("stream", True)):
            reply = await asked(place, path, "stability", body | {name: value})
            assert (reply.status, reply.code) == (400, "unsupported_parameter")
            assert reply.json["param"] == name
        dropped = {"faregate_unsupported": "drop"}
        reply = await asked(place, path, "stability", body | {"stream": True}, **dropped)
        assert reply.status == 200
        assert reply["content-type"] == "application/json"


async def test_who_can_t_take_a_call_is_passed_over() -> None:
    asking = {"prompt": "a cat", "n": 2, "quality": "low"}
    for model, path, body, sent in (
        ("any_stability", "/v1/images/generations", asking, b"/v1/images/generations"),
        ("any_elevenlabs", "/v1/audio/speech", SPOKEN | {"speed": 3}, b"/v1/audio/speech"),
        ("any_failing", "/v1/audio/speech", SPOKEN, b"/v1/text-to-speech/v-1?output_format="),
    ):
        async with serving("units") as place:
            reply = await asked(place, path, model, body)
            assert reply.status == 200, reply.body
            assert place.sim.requests[-1].target.startswith(sent)
            assert reply["faregate-dropped"] is None
            nano = 2 * 10_000_000 if "images" in path else 5 * 15_000
            assert (await charged(place))[1] == nano


# -- speech ----------------------------------------------------------------------------------------


SPOKEN = {"input": "Größe", "voice": "v-1"}


@pytest.mark.parametrize("target", ["openai", "elevenlabs"])
@pytest.mark.parametrize(("form", "kind"), [("mp3", "audio/mpeg"), ("pcm", "audio/pcm")])
async def test_speech(target: str, form: str, kind: str) -> None:
    body = SPOKEN | {"response_format": form}
    async with serving("units") as place:
        reply = await asked(place, "/v1/audio/speech", target, body)
        assert (reply.status, reply["content-type"]) == (200, kind), reply.body
        assert len(reply.body) == 5 * (192 if form == "mp3" else 1_152)
        assert await charged(place) == ("estimated", 5 * 15_000)
        [sent] = place.sim.requests
        if target == "elevenlabs":
            assert sent.target.startswith(b"/v1/text-to-speech/v-1?output_format=")


async def test_speech_in_events_states_its_tokens() -> None:
    body = {"input": TEXT, "voice": "alloy", "stream_format": "sse"}
    async with serving() as place:
        reply = await asked(place, "/v1/audio/speech", "openai", body)
        assert b"speech.audio.done" in reply.body
        assert await charged(place) == ("stated", 4 * 1_000 + len(TEXT) * 2_000)
        reply = await asked(place, "/v1/audio/speech", "elevenlabs", body)
        assert reply.code == "unsupported_parameter"


# -- transcriptions --------------------------------------------------------------------------------

FILE = multipart.Field("file", SOUND, "a.wav", "audio/wav")


def wanted(form: str) -> list[multipart.Field]:
    return [multipart.Field("response_format", form.encode()), FILE]


@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
@pytest.mark.parametrize(
    ("form", "told"),
    [("json", True), ("verbose_json", True), ("text", False), ("srt", False), ("vtt", False)],
)
async def test_a_transcript_by_its_length(kind: str, form: str, told: bool) -> None:
    async with serving("units") as place:
        reply = await asked(place, f"/v1/audio/{kind}", "whisper", wanted(form))
        assert reply.status == 200, reply.body
        # The vendor's three seconds where it tells them, else the four that the file has.
        assert await charged(place) == (("stated", 300_000) if told else ("estimated", 400_000))


async def test_a_transcript_by_its_tokens() -> None:
    async with serving() as place:
        reply = await asked(place, "/v1/audio/transcriptions", "openai", [FILE])
        usage = reply.json["usage"]
        assert usage["input_tokens"] == 21
        nano = 21 * 1_000 + usage["output_tokens"] * 2_000
        assert await charged(place) == ("stated", nano)
        await asked(place, "/v1/audio/transcriptions", "openai", wanted("text"))
        assert await charged(place) == ("estimated", 40 * 1_000 + 16 * 2_000)


@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
async def test_subtitles_are_made_where_a_vendor_has_only_times(kind: str) -> None:
    path = f"/v1/audio/{kind}"
    async with serving("units") as place:
        direct = await asked(place, path, "whisper", wanted("srt"))
        made = await asked(place, path, "groq", wanted("srt"))
        assert made.status == 200, made.body
        assert made["content-type"] == "text/plain; charset=utf-8"
        assert made.body.strip().splitlines()[:2] == direct.body.strip().splitlines()[:2]
        assert b"verbose_json" in place.sim.requests[1].body
        assert await charged(place) == ("stated", 300_000)
        passed = await asked(place, path, "groq", wanted("verbose_json"))
        assert "segments" in passed.json
        streamed = [multipart.Field("stream", b"true"), *wanted("srt")]
        reply = await asked(place, path, "groq", streamed)
        assert (reply.code, reply.json["param"]) == ("unsupported_parameter", "stream")


# -- who doesn't serve -----------------------------------------------------------------------------

BODIES: dict[str, Any] = {
    **{path: body for path, (body, _) in EMBEDDINGS.items()},
    **{path: body for path, _, body in IMAGES},
    "/v1/rerank": {"query": "q", "documents": DOCUMENTS},
    "/v2/rerank": {"query": "q", "documents": DOCUMENTS},
    "/v1/moderations": {"input": "a"},
    "/v1/audio/speech": {"input": "a", "voice": "b"},
    "/v1/audio/transcriptions": [FILE],
    "/v1/audio/translations": [FILE],
}
# Rows that name a dialect which nothing here reads and writes for this.
UNREAD = {("images", "bedrock"), ("images", "bedrock_cohere"), ("image_edits", "stability")}


def said(path: str, reply: Reply) -> str:
    """What a refusal says, where the caller's dialect has it."""
    found = reply.json
    if path.startswith(("/v1beta/models", "/v1/models")):
        assert found["error"]["code"] == reply.status
        return str(found["error"]["message"])
    if path.startswith("/v2"):
        return str(found["message"])
    if path.startswith("/api"):
        assert isinstance(found["error"], str)
        return str(found["error"])
    return str(found["error"]["message"])


@pytest.mark.parametrize("path", BODIES)
async def test_who_does_not_serve_an_address_says_so_in_the_caller_s_dialect(path: str) -> None:
    name = OPERATIONS[path].name
    unserving = [
        target
        for target, facts in TARGETS.items()
        if name not in VENDORS[facts.vendor].dialects or (name, target) in UNREAD
    ]
    assert "anthropic" in unserving
    async with serving() as place:
        for target in unserving:
            reply = await asked(place, path, target, BODIES[path])
            assert reply.status == 400, (target, reply.body)
            assert b"operation_unsupported" in reply.body.lower(), target
            assert "does not serve" in said(path, reply)
        assert place.sim.requests == []
        failing = "failing_cohere" if name == "rerank" else "failing"
        reply = await asked(place, path, failing, BODIES[path])
        assert reply.status == 429
        assert said(path, reply)
        assert place.ledger.balance("main") == 10**10


def test_no_address_is_left_out() -> None:
    whole = {path for path, one in OPERATIONS.items() if not one.makes_output and not one.is_free}
    assert whole == BODIES.keys()
