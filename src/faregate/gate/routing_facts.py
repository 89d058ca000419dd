"""What routing reads of a call, made only where a route asks for it."""

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.routing.route import Route
from faregate.routing.strategies import Facts

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

_CONVERSATION_FIELD: Final = b"faregate-conversation"
_IDEMPOTENCY_FIELD: Final = b"idempotency-key"
_BEGINNING_BYTES: Final = 4_096  # of a conversation: its system prompt and first message


class _Beginning(msgspec.Struct):
    """Where a conversation's first words stand, in whatever dialect."""

    system: msgspec.Raw = msgspec.Raw()
    instructions: msgspec.Raw = msgspec.Raw()
    messages: list[msgspec.Raw] = []
    contents: list[msgspec.Raw] = []
    input: msgspec.Raw = msgspec.Raw()


_decode: Final = msgspec.json.Decoder(_Beginning).decode
_decode_any: Final = msgspec.json.Decoder().decode


def facts_of(call: "Relay", route: Route) -> Facts:
    """The facts that `route` needs of this call."""
    needs = route.needs
    inputs, outputs = call.estimate() if "tokens" in needs else (0, 0)
    return Facts(
        conversation=_conversation(call) if "conversation" in needs else None,
        caller=call.key.key_id if call.key is not None else None,
        tokens=inputs + outputs,
        idempotent=_IDEMPOTENCY_FIELD in call.head.fields,
        variables=_variables(call) if "variables" in needs else {},
    )


def _conversation(call: "Relay") -> str | None:
    """What is the same for all calls of a conversation.

    The header Faregate-Conversation, or the first messages: each call repeats them.
    """
    said = call.head.fields.get(_CONVERSATION_FIELD)
    if said:
        return said.decode("latin-1")
    try:
        beginning = _decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    digest = blake2b(call.key.key_id.encode() if call.key is not None else b"", digest_size=16)
    first = [beginning.system, beginning.instructions, *beginning.messages[:2]]
    for part in (*first, *beginning.contents[:1], beginning.input):
        digest.update(bytes(part)[:_BEGINNING_BYTES])
    return digest.hexdigest()


def _variables(call: "Relay") -> dict[str, object]:
    """What expressions see."""
    key, terms, peeked = call.key, call.terms, call.peek
    inputs, outputs = call.estimate()
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
