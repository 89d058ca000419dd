"""Tokens are counted by a request in any of its shapes."""

import json

import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.gemini import counting
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import Message, Request
from faregate.dialects.translation import MalformedReplyError, TargetFacts

CONTENTS = [{"role": "user", "parts": [{"text": "Hi"}]}]


@pytest.mark.parametrize(
    "document",
    [
        {"contents": CONTENTS},
        {"generateContentRequest": {"model": "models/gemini-3", "contents": CONTENTS}},
        {"generate_content_request": {"contents": CONTENTS}},
    ],
)
def test_a_request_is_read_and_written(document: object) -> None:
    found = counting.read_request(json.dumps(document).encode(), "gemini-3")
    assert isinstance(found, Request)
    assert found.messages == (Message("user", (Text("Hi"),)),)
    studio = counting.write_request(found, TargetFacts(model="gemini-3"))
    whole = {"model": "models/gemini-3", "contents": CONTENTS}
    assert json.loads(studio.body) == {"generateContentRequest": whole}
    vertex = counting.write_request(found, TargetFacts(model="g", vendor="vertex_ai"))
    assert json.loads(vertex.body) == {"contents": CONTENTS}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"generateContentRequest":3}', b'{"contents":1}'])
def test_what_is_wrong_is_refused(body: bytes) -> None:
    assert isinstance(counting.read_request(body, "m"), Refusal)


def test_a_reply_goes_both_ways() -> None:
    assert counting.read_reply(counting.write_reply(7)) == 7
    assert counting.read_reply(b'{"totalTokens":31,"totalBillableCharacters":96}') == 31
    for body in (b"", b"[]", b'{"totalTokens":"7"}', b'{"totalTokens":-1}'):
        with pytest.raises(MalformedReplyError):
            counting.read_reply(body)
