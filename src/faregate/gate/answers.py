"""What the gate answers by itself: its models, the meaning of its codes."""

from typing import Protocol
from urllib.parse import unquote

import msgspec

from faregate.core.refusals import KINDS, REFERENCE_PATH, Kind, Refusal, refuse
from faregate.policies.models import CallWithModel, ModelCheck
from faregate.policies.tenants import Tenants
from faregate.wire.request_reader import RequestHead

MODELS_PATH = b"/v1/models"

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """A whole reply that needs no upstream."""

    status: int
    content_type: str
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()


class CallWithHead(CallWithModel, Protocol):
    """What these steps read of a call."""

    head: RequestHead


def _model(name: str, owner: str) -> dict[str, object]:
    # OpenAI's shape; when a model was made is not known here, and the SDKs want a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


class ListModels:
    """The step that answers `GET /v1/models` with what the key may use."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def __call__(self, call: CallWithHead) -> Answer:
        """List names and aliases, sorted."""
        allowed = call.key.models if call.key is not None else frozenset()
        offers = self._tenants.scope(call.key).offers(allowed)
        rows = [_model(name, offer.provider) for name, offer in offers]
        return Answer(200, "application/json", _encode({"object": "list", "data": rows}))


class ShowModel:
    """Answers `GET /v1/models/{id}`, if the key may use that model."""

    def __init__(self, tenants: Tenants) -> None:
        self._check = ModelCheck(tenants)

    def __call__(self, call: CallWithHead) -> Answer | Refusal:
        """Show one model by name or alias."""
        path = call.head.path.decode("latin-1")
        call.model_asked = unquote(path[len(MODELS_PATH) + 1 :])
        refusal = self._check(call)
        if refusal is not None:
            return refusal
        assert call.offer is not None
        body = _encode(_model(call.model_asked, call.offer.provider))
        return Answer(200, "application/json", body)


def explain_code(call: CallWithHead) -> Answer | Refusal:
    """Answer `GET /refusals/{code}`: where the `type` of every refusal leads."""
    code = call.head.path.decode("latin-1")[len(REFERENCE_PATH) :]
    kind = KINDS.get(code)
    if kind is None:
        codes = ", ".join(sorted(KINDS))
        return refuse("route_unknown", f"There is no such code. The codes are: {codes}.")
    return Answer(200, "text/plain; charset=utf-8", _explanation(kind).encode())


def _explanation(kind: Kind) -> str:
    again = "Trying again can help." if kind.retryable else "Trying again can't help."
    return (
        f"{kind.code}\n{'=' * len(kind.code)}\n\n{kind.title}.\n\n"
        f"Status:     {kind.status}\n"
        f"Whose side: {kind.side}\n"
        f"Retry:      {again}\n\n"
        f"What to do: {kind.fix}\n"
    )


def say_methods(allowed: str) -> Answer:
    """The answer to OPTIONS: what may be asked here (RFC 9110 §9.3.7)."""
    return Answer(204, "text/plain", b"", (("allow", allowed),))
