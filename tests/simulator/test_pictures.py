"""Pictures have the size that was asked for, and their tokens can be reckoned."""

import base64
import struct

import pytest
from tests.simulator.asking import FORM, ask, upload

from faregate.simulator.errors import ERRORS
from faregate.simulator.pictures import STABILITY, png

PATH = "/v1/images/generations"
CORE = "/v2beta/stable-image/generate/core"


def said(**members):
    return ask(PATH, {"model": "sim", "prompt": "a cat", **members})


def test_pictures():
    found = said(n=2, size="32x16").json
    picture = base64.b64decode(found["data"][1]["b64_json"])
    assert struct.unpack("!II", picture[16:24]) == (32, 16)
    assert picture == png(32, 16)
    usage = found["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (2, 2_112)
    assert said(model="sim:tokens=7").json["usage"]["output_tokens"] == 7
    assert "url" in said(response_format="url").json["data"][0]


def test_a_stream_of_pictures():
    events = said(stream=True, partial_images=2, size="8x8").events
    assert [event["type"].split(".")[1] for event in events] == [
        "partial_image",
        "partial_image",
        "completed",
    ]
    assert events[-1]["usage"]["output_tokens"] == 1_056


def test_edits_and_variations():
    fields = [("model", "sim"), ("prompt", "a cat"), ("size", "8x8")]
    found = upload("/v1/images/edits", fields, image=[b"x", b"y"]).json
    assert found["usage"]["input_tokens_details"] == {"text_tokens": 2, "image_tokens": 388}
    assert upload("/v1/images/variations", fields[:1], image=b"x").status == 200
    assert upload("/v1/images/edits", fields).status == 400
    assert upload("/v1/images/edits", fields[:1], image=b"x").status == 400


@pytest.mark.parametrize(
    "members", [{"prompt": ""}, {"n": 11}, {"size": "9999x1"}, {"size": "0x1"}, {"model": ""}]
)
def test_what_is_refused(members):
    assert said(**members).status == 400


def test_stability():
    found = upload(CORE, [("prompt", "x")])
    assert (found.headers["content-type"], found.headers["finish-reason"]) == (
        "image/png",
        "SUCCESS",
    )
    assert found.body.startswith(b"\x89PNG")
    body = b'--XX\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nx\r\n--XX--'
    asked = {**FORM, "accept": "application/json"}
    assert ask(CORE, body, headers=asked).json["finish_reason"] == "SUCCESS"
    filtered = ask(CORE, body, headers=asked, simulate="finish=content_filter").json
    assert filtered["finish_reason"] == "CONTENT_FILTERED"
    assert upload(CORE, []).json["name"] == "bad_request"


@pytest.mark.parametrize("name", ERRORS)
def test_errors_of_stability(name):
    found = upload(CORE, [("prompt", "x"), ("model", f"sim:error={name}")])
    kind = STABILITY.kinds[name]
    assert (found.status, found.json["name"]) == (kind.status, kind.type)
