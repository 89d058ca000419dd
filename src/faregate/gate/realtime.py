"""The address of realtime sessions: its steps, and their first request.

`GET /v1/realtime?model=NAME` with `Upgrade: websocket` is a call like any other until the vendor
has accepted the session: refusals before that are ordinary replies, and what fails at one target
is tried at the next. Browsers can't send a key in a header, so their clients of OpenAI offer it as
a subprotocol; it is taken out before anything else looks at the request.

Sources: OpenAI, "Realtime API with WebSocket"; openai-node, `realtime/websocket.ts` (subprotocols
of browsers); Microsoft Learn, "GPT Realtime API via WebSockets" (`/openai/v1/realtime?model=`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from faregate.configuration.document import Document, Model
from faregate.core import bounds
from faregate.core.refusals import Refusal, refuse
from faregate.dialects.plain_native import Peek
from faregate.dialects.realtime.native import NATIVE
from faregate.gate.choosing import Choose, Send
from faregate.gate.operations import Operation
from faregate.gate.phases import FindTerms, Phase, PhasedStep, Plan
from faregate.gate.realtime_call import REALTIME_PATH, RealtimeCall
from faregate.gate.realtime_hold import session_bounds
from faregate.gate.realtime_wire import RealtimeWire
from faregate.gate.terms import TermsBook
from faregate.gate.upstreams import Upstream
from faregate.policies.models import ModelCheck
from faregate.routing.route import Route
from faregate.routing.targets import Choice
from faregate.wire import websocket

if TYPE_CHECKING:
    from faregate.gate.snapshot import Checks
    from faregate.gate.state import CallState

OPERATION: Final = Operation(
    name="realtime",
    path=REALTIME_PATH.decode(),
    dialect="openai_realtime",
    native=NATIVE,
    streams=True,
)

_PROTOCOLS: Final = b"sec-websocket-protocol"
_KEY_PROTOCOL: Final = b"openai-insecure-api-key."
_NAMING_PROTOCOLS: Final = (b"openai-organization.", b"openai-project.")
_UPGRADE: Final = (("upgrade", "websocket"), ("sec-websocket-version", "13"))


def take_key(call: "CallState") -> None:
    """Take a key out of the subprotocols.

    It counts where no header shows one.
    """
    fields = call.head.fields
    if _PROTOCOLS not in fields:
        return
    kept = []
    for one in websocket.offered_protocols(fields):
        if one.startswith(_KEY_PROTOCOL):
            fields.setdefault(b"authorization", b"Bearer " + one[len(_KEY_PROTOCOL) :])
        elif not one.startswith(_NAMING_PROTOCOLS):
            kept.append(one)
    if kept:
        fields[_PROTOCOLS] = b", ".join(kept)
    else:
        del fields[_PROTOCOLS]


def check_handshake(call: "CallState") -> Refusal | None:
    """Refuse what doesn't ask for a WebSocket as it must."""
    head = call.head
    fault = websocket.handshake_fault(head.fields)
    if fault is None and (not head.http11 or head.has_body):
        fault = "A session is opened by HTTP/1.1 without a body."
    if fault is None:
        return None
    return refuse("request_invalid", fault, param="upgrade", headers=_UPGRADE)


def peek_query(call: "CallState") -> Refusal | None:
    """Set `call.peek` and `call.model_asked` by the query."""
    parts = (part.partition(b"=") for part in call.head.query.split(b"&"))
    names = [value for name, _, value in parts if name == b"model" and value]
    if len(names) != 1:
        detail = f"The query names one model: {OPERATION.path}?model=NAME."
        return refuse("request_invalid", detail, param="model")
    model = unquote_plus(names[0].decode("latin-1"))
    if len(model) > bounds.MODEL_NAME_CHARACTERS_MAX:
        detail = f"A model's name has at most {bounds.MODEL_NAME_CHARACTERS_MAX} characters."
        return refuse("request_invalid", detail, param="model")
    call.peek = Peek(model, stream=True)
    call.model_asked = model
    return None


class ChooseSession(Choose):
    """The step that chooses a target.

    `contexts` are models' contexts, where they are known.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        models: Mapping[str, Model],
        upstreams: Mapping[str, Upstream],
        contexts: Mapping[str, int | None],
    ) -> None:
        super().__init__(OPERATION, routes, models, upstreams)
        self._contexts = contexts

    def __call__(self, call: "RealtimeCall") -> Refusal | None:  # type: ignore[override]
        """Choose; a session is not copied to a shadow."""
        outcome = super().__call__(call)
        call.shadow = None
        return outcome

    def wire(self, choice: Choice) -> RealtimeWire:
        """The way to a target.

        Raises `UnservedError` where it can't serve sessions.
        """
        wire = self._wires.get(choice)
        if wire is None:
            target = choice.target
            model = self._models[target.name]
            upstream = self._upstreams[target.account.name]
            sizes = session_bounds(self._contexts.get(model.name), model.output_tokens_max)
            wire = RealtimeWire(choice, upstream, model, OPERATION, sizes)
            if not choice.is_probe:
                self._wires[choice] = wire
        assert isinstance(wire, RealtimeWire)
        return wire


def realtime_plan(
    document: Document,
    identify: PhasedStep,
    checks: "Checks",
    check_model: ModelCheck,
    terms: TermsBook,
    routes: Mapping[str, Route],
    upstreams: Mapping[str, Upstream],
) -> Plan:
    """The steps of opening a session."""
    models = {model.name: model for model in document.models}
    contexts = {pin.model: pin.context_tokens for pin in document.catalogue}
    choose = ChooseSession(routes, models, upstreams, contexts)
    return Plan(
        OPERATION.path,
        [
            PhasedStep(Phase.IDENTIFY, take_key, needs_body=False),
            identify,
            PhasedStep(Phase.VALIDATE, check_handshake),
            PhasedStep(Phase.VALIDATE, peek_query),
            PhasedStep(Phase.AUTHORIZE, FindTerms(OPERATION, check_model, terms)),
            PhasedStep(Phase.LIMIT, checks.limits),
            PhasedStep(Phase.RESERVE, checks.credit),
            PhasedStep(Phase.CHOOSE, choose),
            PhasedStep(Phase.SEND, Send(choose)),
        ],
        OPERATION,
    )
