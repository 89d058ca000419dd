"""OpenAI's images are read, and answered in the form that was asked for."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.images.neutral import Image, ImageReply, ImageRequest
from faregate.dialects.images.openai import CALLER
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.whole_translation import AskedWhole


def read(**members: object) -> ImageRequest | Refusal:
    body = {"model": "m", "prompt": "a cat"} | members
    return CALLER.read_request(json.dumps(body).encode(), None, stream=False)


def test_a_request_is_read() -> None:
    request = read(
        n=2, size="1024x1024", quality="auto", style="vivid", response_format="url",
        output_format="jpeg", user="u", moderation="low",
    )  # fmt: skip
    assert request == ImageRequest(
        model="m", origin="openai_images", prompt="a cat", n=2, size="1024x1024", style="vivid",
        response_format="url", output_format="jpeg", user="u", others={"moderation": "low"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": 1}, "prompt"),
        ({"n": 0}, "n"),
        ({"n": "2"}, "n"),
        ({"size": 1024}, "size"),
        ({"response_format": "png"}, "response_format"),
        ({"output_format": "bmp"}, "output_format"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, object], param: str) -> None:
    refusal = read(**members)
    assert isinstance(refusal, Refusal)
    assert refusal.param == param
    assert isinstance(CALLER.read_request(b"[", None, stream=False), Refusal)


def test_an_image_is_given_as_it_was_asked_for() -> None:
    for members, data in (
        ({}, {"b64_json": "AAAA"}),
        ({"response_format": "b64_json"}, {"b64_json": "AAAA"}),
        ({"response_format": "url"}, {"url": "data:image/png;base64,AAAA"}),
    ):
        request = read(**members)
        assert isinstance(request, ImageRequest)
        asked = AskedWhole(request=request, call_id="c", now_s=7)
        written = CALLER.write_reply(ImageReply(images=(Image("AAAA"),)), asked)
        assert json.loads(written) == {"created": 7, "data": [data]}
        linked = CALLER.write_reply(ImageReply(images=(Image(url="u"),)), asked)
        assert json.loads(linked)["data"] == [{"url": "u"}]
        with pytest.raises(MalformedReplyError):
            CALLER.write_reply(ImageReply(images=()), asked)
