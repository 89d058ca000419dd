"""A prompt is what a user says; what can't be said so is refused or told."""

from typing import Any

import msgspec
import pytest

from faregate.core.refusals import Refusal
from faregate.dialects.completions.request import read_request, write_request
from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.request import Message, Reasoning, Request, Tool
from faregate.dialects.translation import TargetFacts

ASKING = Request(model="m", messages=(Message("user", (p.Text("Once"),)),))


def read(**members: Any) -> Request:
    """The request of these members."""
    found = read_request(msgspec.json.encode({"model": "m", "prompt": "Once"} | members))
    assert isinstance(found, Request), found
    return found


def write(request: Request) -> tuple[dict[str, Any], set[str]]:
    """The members that are written, and the names of what is lost."""
    written = write_request(request, TargetFacts(model="served"))
    return msgspec.json.decode(written.body), {lost.name for lost in written.lost}


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_what_a_user_says(prompt: Any):
    found = read(prompt=prompt)
    assert found.messages == ASKING.messages
    assert (found.output_tokens_max, found.origin) == (16, "openai_completions")


def test_what_is_said_of_the_answer():
    found = read(
        max_tokens=5, stop="x", logprobs=3, n=2, best_of=2, echo=False, suffix="", stream=True,
        stream_options={"include_usage": True}, seed=1,
    )  # fmt: skip
    assert (found.output_tokens_max, found.stop, found.n, found.seed) == (5, ("x",), 2, 1)
    assert (found.logprobs, found.top_logprobs) == (True, 3)
    assert (found.stream, found.stream_usage, found.others) == (True, True, {})


def test_what_has_no_equal_is_kept():
    found = read(best_of=3, echo=True, suffix="end", min_p=1)
    assert found.others == {"best_of": 3, "echo": True, "suffix": "end", "min_p": 1}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b'{"model":"m","prompt":["a","b"]}', "prompt", "2 prompts"),
        (b'{"model":"m","prompt":[1,2]}', "prompt", "tokens"),
        (b'{"model":"m","prompt":[[1],[2]]}', "prompt", "tokens"),
        (b'{"model":"m","prompt":{}}', "prompt", "string"),
        (b'{"prompt":"a"}', "model", "missing"),
        (b'{"model":"m","best_of":0}', "best_of", ">= 1"),
        (b"{", None, "JSON"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None, words: str):
    refusal = read_request(body)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.param) == ("request_invalid", param)
    assert words in refusal.detail


def test_a_conversation_becomes_a_prompt():
    messages = (Message("system", (p.Text("Be brief."),)), *ASKING.messages)
    body, lost = write(msgspec.structs.replace(ASKING, messages=messages))
    assert body["prompt"] == "system: Be brief.\n\nuser: Once\n\nassistant:"
    assert lost == set()


def test_what_completions_have_not_is_told():
    image = p.Image(p.Media(url="u"))
    body, lost = write(
        Request(
            model="m",
            messages=(Message("user", (p.Text("a"), image)),),
            tools=(Tool(name="f"),),
            reasoning=Reasoning(effort="low"),
            others={"x": 1},
            stream=True,
            logprobs=True,
        )
    )
    assert lost == {"messages.parts", "tools", "reasoning", "others.x"}
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert body["logprobs"] == 0
