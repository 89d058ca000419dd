"""What routing reads of a call: the same conversation in each turn, and facts for expressions."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.accounts import Answering, any_of, before, path_of
from tests.gate.running import HELLO, Place, upstream

from faregate.gate.routing_facts import facts_of
from faregate.routing.route import Route
from faregate.wire.request_reader import RequestHead


class _Key:
    key_id = "key-1"
    name = "ann"


class _Call:
    """What is read of a call."""

    def __init__(self, body: object, key_id: str = "key-1", **fields: str) -> None:
        self.body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        self.key = _Key()
        self.key.key_id = key_id
        sent = {name.replace("_", "-").encode(): said.encode() for name, said in fields.items()}
        self.head = RequestHead(b"POST", b"/v1/chat/completions", sent)
        self.input_bound, self.form = 1, b""

    def estimate(self) -> tuple[int, int]:
        return 100, 20


class _Needing:
    needs = frozenset({"conversation", "caller", "tokens"})


ROUTE: Any = _Needing()


def conversation(body: object, key_id: str = "key-1", **fields: str) -> str | None:
    call: Any = _Call(body, key_id, **fields)
    return facts_of(call, ROUTE).conversation


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


ASKED, ANSWERED = said("user", "Where is the fare paid?"), said("assistant", "At the gate.")
AGAIN = said("user", "And how much is it?")
PARTS = {
    "role": "user",
    "content": [{"type": "text", "text": ASKED["content"], "cache_control": {"type": "ephemeral"}}],
}
TURN = {"role": "user", "parts": [{"text": "hi"}]}
REPLIED = {"role": "model", "parts": [{"text": "yes"}]}

TURNS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("chat", {"messages": [ASKED]}, {"messages": [ASKED, ANSWERED, AGAIN]}),
    (
        "a system prompt",
        {"messages": [said("system", "Be brief."), ASKED]},
        {"messages": [said("system", "Be brief."), ASKED, ANSWERED, AGAIN]},
    ),
    (
        "marks for caches that wander",
        {"system": [{"type": "text", "text": "Be brief."}], "messages": [PARTS]},
        {"system": "Be brief.", "messages": [ASKED, ANSWERED, AGAIN]},
    ),
    (
        "gemini",
        {"contents": [TURN], "systemInstruction": {"parts": [{"text": "Be brief."}]}},
        {
            "contents": [TURN, REPLIED, TURN],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
        },
    ),
    (
        "responses",
        {"instructions": "Be brief.", "input": [ASKED]},
        {"instructions": "Be brief.", "input": [ASKED, ANSWERED, AGAIN]},
    ),
    ("a text and then a list", {"input": ASKED["content"]}, {"input": [ASKED, ANSWERED, AGAIN]}),
]


@pytest.mark.parametrize(("first", "later"), [t[1:] for t in TURNS], ids=[t[0] for t in TURNS])
def test_every_turn_is_of_the_same_conversation(
    first: dict[str, Any], later: dict[str, Any]
) -> None:
    assert conversation(first) is not None
    assert conversation(first) == conversation(later)
    more = {"temperature": 0.3, "tools": [{"type": "function"}], "stream": True}
    assert conversation(first | more) == conversation(later)


def test_other_words_and_other_callers_are_other_conversations() -> None:
    bodies: list[object] = [
        {"messages": [ASKED]},
        {"messages": [AGAIN]},
        {"messages": [said("system", "Be brief."), ASKED]},
        {"messages": [said("system", "Be long."), ASKED]},
        {"system": "Be", "messages": [said("user", "brief.")]},
        {"system": "Be brief.", "messages": [said("user", "")]},
        {"contents": [TURN]},
    ]
    seen = {conversation(body) for body in bodies}
    assert len(seen) == len(bodies)
    assert None not in seen
    assert conversation(bodies[0], "key-2") != conversation(bodies[0])


def test_a_header_names_the_conversation() -> None:
    named = conversation({"messages": [ASKED]}, faregate_conversation="c-1")
    assert named == conversation({"messages": [AGAIN]}, faregate_conversation="c-1") == "c-1"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b'{"messages":7}', b'{"messages":[]}', b'{"messages":[7]}',
        b'{"input":[1,2]}', b'{"messages":[{"role":"user","content":7}]}', b"\xff",
        b'{"messages":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_has_no_beginning_is_no_conversation(body: bytes) -> None:
    assert conversation(body) is None


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_no_defect(body: bytes) -> None:
    assert conversation(body) is None or body[:1] not in b"["


@pytest.mark.parametrize(("fields", "repeats"), [({}, False), ({"idempotency_key": "x"}, True)])
def test_a_call_may_be_repeated_by_its_key(fields: dict[str, str], repeats: bool) -> None:
    call: Any = _Call({"messages": [ASKED]}, **fields)
    facts = facts_of(call, ROUTE)
    assert (facts.idempotent, facts.caller, facts.tokens) == (repeats, "key-1", 120)
    assert facts.variables == {}


async def test_facts_are_made_only_where_a_route_asks(place: Place) -> None:
    route: Route = place.gate.snapshot.routes["sim"]
    assert route.needs == frozenset()
    call: Any = _Call(b"not JSON")
    assert facts_of(call, route).conversation is None


VARIABLES = [
    'model == "any"',
    'route == "/v1/chat/completions"',
    'key == "test"',
    'application == "app"',
    'team == "blue"',
    'plan == "basic"',
    'customer == "customer-9"',
    'run == "run-1"',
    "!stream",
    "input_tokens > 0 && input_tokens < 5000 && output_tokens >= 33",
    "tools",
    'headers["x-more"] == "kept"',
    '!("authorization" in headers) && !("cookie" in headers)',
    'has(request.user) && request.user == "customer-9"',
    "request.n == 1 && request.stops[1] == null",
]
COMMERCE: dict[str, Any] = {
    "teams": [{"name": "blue"}],
    "plans": [{"name": "basic"}],
    "applications": [{"name": "app", "team": "blue", "plan": "basic"}],
}


@pytest.mark.parametrize("when", VARIABLES)
async def test_expressions_see_the_call(when: str) -> None:
    answering = Answering()
    targets = [{"model": "at-o", "when": when}, {"model": "at-p"}]
    virtual = [{"name": "any", "targets": targets}]
    async with (
        upstream(answering) as url,
        before(
            url, {"o": "openai", "p": "openai"}, virtual_models=virtual, **COMMERCE
        ) as place,
    ):  # fmt: skip
        more = {"user": "customer-9", "max_tokens": 33, "n": 1, "stops": ["a", None]}
        tools = [{"type": "function", "function": {"name": "f"}}]
        body = HELLO | {"model": "any", "tools": tools} | more
        reply = await place.post(body, x_more="kept", cookie="c=1", faregate_run="run-1")
        assert reply.status == 200, reply.body
    assert path_of(answering.only).startswith("/o/"), f"{when} did not hold"


async def test_a_conversation_stays_where_it_began() -> None:
    answering = Answering()
    names = ["a", "b", "c", "d"]
    virtual = [any_of(*names, strategy="sticky")]
    async with (
        upstream(answering) as url,
        before(url, dict.fromkeys(names, "openai"), virtual_models=virtual) as place,
    ):
        for number in range(12):
            first = said("user", f"Question {number}")
            for messages in ([first], [first, ANSWERED, AGAIN]):
                body = {"model": "any", "messages": messages}
                assert (await place.post(body)).status == 200
        served = [path_of(asked).split("/")[1] for asked in answering.asked]
        assert served[::2] == served[1::2]
        assert len(set(served)) > 1
