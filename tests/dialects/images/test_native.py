"""Images pass through; how many there are, and the most they cost, is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.test_multipart import TYPE, form

from faregate.dialects.images.native import EDITS, NATIVE
from faregate.dialects.usage import Usage


def asked(**members: object) -> bytes:
    return json.dumps({"model": "m", "prompt": "a cat"} | members).encode()


@pytest.mark.parametrize(
    ("members", "images", "variant", "tokens"),
    [
        # Tokens as the guide's table has them: they are never more than the most.
        ({"quality": "low", "size": "1024x1024"}, 1, "low/1024x1024", 272),
        ({"quality": "medium", "size": "1024x1536"}, 1, "medium/1024x1536", 1_584),
        ({"quality": "high", "size": "1536x1024"}, 1, "high/1536x1024", 6_208),
        ({"quality": "hd", "size": "1024x1792", "n": 2}, 2, "hd/1024x1792", 0),
        ({"quality": "auto", "size": "auto"}, 1, None, 6_208),
        ({}, 1, None, 6_208),
        ({"n": 3, "quality": "high", "size": "1024x1024"}, 3, "high/1024x1024", 3 * 4_160),
        ({"partial_images": 2, "quality": "low", "size": "1024x1024"}, 1, "low/1024x1024", 472),
        ({"n": "many"}, 128, None, 128 * 6_208),
        ({"n": -1}, 128, None, 128 * 6_208),
        ({"n": None, "size": 3, "quality": []}, 1, None, 6_208),
    ],
)
def test_the_most_is_known(
    members: dict[str, object], images: int, variant: str | None, tokens: int
) -> None:
    most = NATIVE.most(asked(**members))
    assert most is not None
    assert (most.images, most.image_variant) == (images, variant)
    assert most.output_tokens is not None
    assert tokens <= most.output_tokens <= images * (7_100 + max(2 * tokens, 8_000))
    assert most.input_tokens == 5 + 64


@pytest.mark.parametrize(
    ("quality", "size", "tokens"),
    [("high", "1024x1024", 7_024), ("high", "1536x1024", 5_488), ("high", "3584x2048", 12_329)],
)
def test_later_models_are_bounded_too(quality: str, size: str, tokens: int) -> None:
    """As OpenAI's calculator has them for GPT Image 2."""
    for members in ({"quality": quality, "size": size}, {"quality": "new", "size": size}):
        most = NATIVE.most(asked(**members))
        assert most is not None
        assert most.output_tokens is not None
        assert most.output_tokens >= tokens


def test_the_likely_is_known() -> None:
    likely = NATIVE.likely(asked(n=2, quality="hd", size="auto"))
    assert likely == Usage(2, 2 * 4_195, images=2, image_variant="hd")
    assert NATIVE.likely(b"{") is None
    assert NATIVE.most(b"[]") is None


def test_a_form_is_counted() -> None:
    body = form(
        ("model", None, b"m"), ("image[]", "a.png", b"1"), ("image[]", "b.png", b"2"),
        ("mask", "m.png", b"3"), ("prompt", None, b"a cat"), ("n", None, b"2"),
        ("size", None, b"1024x1024"), ("quality", None, b"low"),
    )  # fmt: skip
    most = EDITS.most_form(body, TYPE)
    assert most is not None
    assert (most.images, most.image_variant) == (2, "low/1024x1024")
    assert most.input_tokens == 69 + 3 * 8_192
    likely = Usage(2, 2 * 315, images=2, image_variant="low/1024x1024")
    assert EDITS.likely_form(body, TYPE) == likely
    given = EDITS.most(asked(images=[{"image_url": "x"}, {"file_id": "y"}]))
    assert given is not None
    assert given.input_tokens == 69 + 2 * 8_192


GPT_IMAGE = b"""{"created":1,"data":[{"b64_json":"AAAA"},{"b64_json":"AAAA"}],"quality":"high",
  "size":"1024x1024","usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,
  "input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"""


def test_a_reply_is_read() -> None:
    tokens = Usage(50, 50, image_input_tokens=40)
    assert NATIVE.read_usage(GPT_IMAGE) == Usage(
        50, 50, image_input_tokens=40, images=2, image_variant="high/1024x1024"
    )
    assert NATIVE.read_usage_in_part(GPT_IMAGE[-140:]) == tokens
    assert NATIVE.read_usage(b'{"created":1,"data":[{"url":"x"}]}') == Usage(images=1)
    for nothing in (b"", b"{}", b'{"data":1}', b'{"data":null}'):
        assert NATIVE.read_usage(nothing) is None


def completed(kind: str) -> bytes:
    return (
        b'event: %b.partial_image\ndata: {"type":"%b.partial_image","b64_json":"AAAA"}\n\n'
        b'event: %b.completed\ndata: {"type":"%b.completed","b64_json":"AAAA","usage":'
        b'{"input_tokens":5,"output_tokens":7},"quality":"low","size":"1024x1024"}\n\n'
    ).replace(b"%b", kind.encode())


@given(st.integers(1, 400), st.sampled_from(["image_generation", "image_edit"]))
def test_a_stream_states_each_image(size: int, kind: str) -> None:
    stream = completed(kind) * 2
    meter = EDITS.stream_meter(hide_usage=False, measures=False)
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert b"".join(map(meter.feed, pieces)) + meter.end() == stream
    assert meter.usage == Usage(10, 14, images=2, image_variant="low/1024x1024")
    assert meter.events == 4
