"""Completions are a dialect like the others."""

import msgspec
import openai.types

from faregate.dialects.completions.dialect import CARRIES, DIALECT, NATIVE
from faregate.dialects.neutral import features
from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.reply import Choice, Reply
from faregate.dialects.neutral.request import Message, Request
from faregate.dialects.translation import Asked, TargetFacts
from faregate.dialects.usage import Usage

ASKING = Request(
    model="m",
    messages=(Message("user", (p.Text("Once"),)),),
    output_tokens_max=5,
    n=2,
    stop=("x",),
    temperature=0.5,
    top_p=1.0,
    top_k=3,
    seed=4,
    presence_penalty=0.5,
    frequency_penalty=0.5,
    logit_bias={"1": 2.0},
    logprobs=True,
    top_logprobs=2,
    user="u",
)


def test_a_request_comes_back():
    assert features.used(ASKING) == CARRIES
    written = DIALECT.write_request(ASKING, TargetFacts(model="m"))
    assert written.lost == ()
    found = DIALECT.read_request(written.body, None, stream=False)
    assert isinstance(found, Request)
    assert msgspec.structs.replace(found, origin="") == ASKING


def test_the_sdk_takes_a_completion():
    asked = Asked(request=ASKING, call_id="c", now_s=7)
    whole = Reply(
        id="1", model="m", choices=(Choice(parts=(p.Text("a"),), finish="stop"),), usage=Usage(1, 2)
    )
    written = DIALECT.write_reply(whole, asked)
    found = openai.types.Completion.model_validate_json(written)
    assert (found.choices[0].text, found.created) == ("a", 7)
    assert DIALECT.read_reply(written).usage == Usage(1, 2)
    stream = DIALECT.stream_writer(asked).end()
    assert DIALECT.stream_reader().feed(stream)


def test_bytes_can_pass():
    assert b"text_completion" in NATIVE.final_events("c", "m", 1, None)
    assert (DIALECT.name, DIALECT.stream_type) == ("openai_completions", "text/event-stream")
