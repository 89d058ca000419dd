"""What routing reads of a call, made only where a route asks for it."""

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.dialects import openai_bounds
from faregate.routing.route import Route
from faregate.routing.strategies import Facts

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

_CONVERSATION_FIELD: Final = b"faregate-conversation"
_IDEMPOTENCY_FIELD: Final = b"idempotency-key"
_BEGINNING_BYTES: Final = 4_096  # of a conversation: its system prompt and first message


_TURNS_MAX: Final = 8  # of system prompts and examples before the first words of a user


class _Part(msgspec.Struct):
    text: object = None


class _Turn(msgspec.Struct):
    role: object = None
    content: str | list[_Part | str] | None = None
    parts: list[_Part] | None = None


class _Beginning(msgspec.Struct):
    """Where a conversation's first words stand, in whatever dialect."""

    system: str | list[_Part] | None = None
    instructions: str | None = None
    systemInstruction: _Turn | None = None  # noqa: N815 - Gemini's name
    messages: list[msgspec.Raw] = []
    contents: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()


_decode: Final = msgspec.json.Decoder(_Beginning).decode
_decode_turn: Final = msgspec.json.Decoder(_Turn).decode
_decode_turns: Final = msgspec.json.Decoder(str | list[msgspec.Raw]).decode
_decode_any: Final = msgspec.json.Decoder().decode


def facts_of(call: "Relay", route: Route) -> Facts:
    """The facts that `route` needs of this call."""
    needs = route.needs
    inputs, outputs = _estimate(call) if "tokens" in needs else (0, 0)
    return Facts(
        conversation=_conversation(call) if "conversation" in needs else None,
        caller=call.key.key_id if call.key is not None else None,
        tokens=inputs + outputs,
        idempotent=_IDEMPOTENCY_FIELD in call.head.fields,
        variables=_variables(call) if "variables" in needs else {},
    )


def _estimate(call: "Relay") -> tuple[int, int]:
    """Input and output tokens, though no limit or price asks for them."""
    if not call.input_bound and not call.form:
        call.input_bound = openai_bounds.cheap_bound(call.body, call.terms.image_tokens_max)
    return call.estimate()


def _conversation(call: "Relay") -> str | None:
    """What is the same for all calls of a conversation.

    The header Faregate-Conversation, or the words up to the user's first: each call repeats
    them, though perhaps with other marks for caches.
    """
    said = call.head.fields.get(_CONVERSATION_FIELD)
    if said:
        return said.decode("latin-1")
    try:
        words = _first_words(_decode(call.body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not any(words):
        return None
    digest = blake2b(call.key.key_id.encode() if call.key is not None else b"", digest_size=16)
    for text in words:
        data = text[:_BEGINNING_BYTES].encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    return digest.hexdigest()


def _first_words(beginning: _Beginning) -> list[str]:
    """What was said up to the user's first words."""
    words = [_text(beginning.system), beginning.instructions or ""]
    if beginning.systemInstruction is not None:
        words.append(_text(beginning.systemInstruction.parts))
    turns = beginning.messages
    for member in (beginning.contents, beginning.input):
        if bytes(member):
            found = _decode_turns(member)
            if isinstance(found, str):
                return [*words, found]
            turns = turns or found
    for raw in turns[:_TURNS_MAX]:
        if bytes(raw).startswith(b'"'):  # a text alone
            return [*words, bytes(raw).decode()]
        turn = _decode_turn(raw)
        words.append(_text(turn.content if turn.parts is None else turn.parts))
        if turn.role in ("user", None):
            break
    return words


def _text(content: str | list[_Part] | list[_Part | str] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = [one if isinstance(one, str) else one.text for one in content]
    return "".join(one for one in texts if isinstance(one, str))


def _variables(call: "Relay") -> dict[str, object]:
    """What expressions see."""
    key, terms, peeked = call.key, call.terms, call.peek
    inputs, outputs = _estimate(call)
    try:
        body = _decode_any(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        body = {}
    if not isinstance(body, dict):
        body = {}
    return {
        "model": call.model_asked,
        "route": call.plan.route,
        "key": key.name if key is not None else "",
        "application": terms.application,
        "team": terms.team,
        "plan": terms.plan,
        "customer": call.customer,
        "run": call.run_name,
        "stream": bool(peeked is not None and peeked.stream),
        "input_tokens": inputs,
        "output_tokens": outputs,
        "tools": bool(body.get("tools")),
        "headers": {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in call.head.fields.items()
            if name not in _SECRET
        },
        "request": body,
    }


_SECRET: Final = frozenset(
    {b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"cookie"}
)
