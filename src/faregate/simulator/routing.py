"""Which plan answers a request: addresses, the key, the body, the script."""

from typing import Final
from urllib.parse import parse_qsl

import msgspec

from faregate.simulator.addresses import Found, find, read_realtime
from faregate.simulator.errors import OPENAI, RefusedError, invalid_request
from faregate.simulator.exchange import Document, Endpoint, Exchange, Message
from faregate.simulator.keys import Keys, shown_key
from faregate.simulator.plan import Plan, failure_of, plan_document, plan_failure, plan_reply
from faregate.simulator.realtime import Session
from faregate.simulator.replies import needs
from faregate.simulator.script import PLAIN, Script, ScriptError, parse_script, script_of_model
from faregate.simulator.shelf import Shelf

CONTROL_PATH: Final = b"/v1/_simulator/"

PLANS_KEPT_MAX: Final = 256
PLAN_KEY_BYTES_MAX: Final = 16 * 1024
FAILURE_COUNTS_MAX: Final = 10_000
# One of them answers an early call, in each dialect: its own body has not been read.
EARLY_BODIES: Final = (
    b'{"model":"sim","max_tokens":16,"messages":[{"role":"user","content":"early"}]}',
    b'{"model":"sim","input":"early","prompt":"early"}',
    b'{"model":"sim","input":"early"}',
    b'{"contents":[{"role":"user","parts":[{"text":"early"}]}]}',
    b'{"messages":[{"role":"user","content":[{"text":"early"}]}]}',
    b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":16,'
    b'"messages":[{"role":"user","content":"early"}]}',
)

_INVALID_JSON: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was "
    "not valid JSON.)"
)
# Fields that change an answer, besides the script.
_SHOWN: Final = frozenset(
    (
        b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"xi-api-key",
        b"anthropic-version", b"content-type", b"accept",
    )
)  # fmt: skip
_SHOWN_LENGTHS: Final = frozenset(map(len, _SHOWN))

Fields = list[tuple[bytes, bytes]]
PlanKey = tuple[bytes, bytes, bytes, bytes | None, tuple[bytes, ...]]


class Router:
    """Finds the plan of a request, and keeps it for the next same one.

    `key` is the only key that is accepted, None accepts all calls; `default` is the script of
    calls that bring none.
    """

    def __init__(self, key: str | None, default: Script = PLAIN) -> None:
        self._keys = Keys(key)
        self._default = default
        self._kept: dict[PlanKey, Plan] = {}
        self._failures: dict[str, int] = {}
        self._shelf = Shelf(self._answer)

    def reset(self) -> None:
        """Forget how often scripts of fail_first were called, and the shelf."""
        self._failures.clear()
        self._shelf = Shelf(self._answer)

    def give_script(self, key: str, script: str | None) -> None:
        """Break or repair a key; raises `ScriptError`."""
        self._keys.give_script(key, script)
        self._kept.clear()

    def early(self, target: bytes, simulate: bytes) -> Plan | None:
        """The plan of a call that is answered before its body is read.

        None where its header does not ask for that.
        """
        try:
            script = parse_script(simulate.decode("latin-1"))
        except ScriptError:
            return None
        path, query = _parted(target)
        found = find(path)
        if not script.early or found is None or "POST" not in found.endpoint.methods:
            return None
        fields = {"anthropic-version": "2023-06-01"}
        for body in EARLY_BODIES:
            message = Message(
                method="POST", path=path, query=query, headers=fields, names=found.names, body=body
            )
            try:
                return plan_reply(found.endpoint.read(message), script, found.endpoint.voice)
            except (ValueError, LookupError, TypeError, AttributeError):
                continue
        return None

    def plan(
        self,
        method: bytes,
        target: bytes,
        body: bytes,
        simulate: bytes | None,
        headers: Fields | tuple[()] = (),
    ) -> Plan:
        """The plan of a whole request."""
        shown = tuple(
            value
            for name, value in headers
            if len(name) in _SHOWN_LENGTHS and name.lower() in _SHOWN
        )
        key = (method, target, body, simulate, shown)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        plan, again = self._make(method, target, body, simulate, headers)
        if again and plan.kept and len(body) <= PLAN_KEY_BYTES_MAX:
            if len(self._kept) >= PLANS_KEPT_MAX:
                self._kept.clear()
            self._kept[key] = plan
        return plan

    def _make(
        self,
        method: bytes,
        target: bytes,
        body: bytes,
        simulate: bytes | None,
        headers: Fields | tuple[()],
    ) -> tuple[Plan, bool]:
        """The plan, and whether the same request gets the same again."""
        path, query = _parted(target)
        fields = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in headers}
        found = self._find(path)
        message = Message(
            method=method.decode("latin-1"),
            path=path,
            query=query,
            headers=fields,
            body=body,
            names={} if found is None else found.names,
            vendor="" if found is None else found.vendor_of(fields),
        )
        if found is None:
            return _unknown(message), True
        endpoint = found.spoken_by(message.vendor)
        refused = self._keys.refuse(
            endpoint.scheme, endpoint.voice, message, target.decode("latin-1")
        )
        if refused is not None:
            return plan_failure(refused), False
        if message.method not in endpoint.methods:
            return _method_refused(message, endpoint), True
        try:
            return self._answered(endpoint, message, simulate)
        except ScriptError as error:
            said = RefusedError(str(error), param="X-Simulate", code="invalid_script")
            return plan_failure(endpoint.voice.refusal(said)), True
        except Exception as error:
            return plan_failure(endpoint.voice.refusal(_refused(error))), endpoint.kept

    def _find(self, path: str) -> Found | None:
        kept = self._shelf.find(path)
        return find(path) if kept is None else Found(*kept)

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of a request of a batch."""
        found = find(path)
        if found is None:
            return 404, invalid_request(f"Invalid URL ({path})")
        voice, headers = found.endpoint.voice, {"anthropic-version": "2023-06-01"}
        message = Message(method="POST", path=path, headers=headers, body=body)
        try:
            exchange = found.endpoint.read(message)
            script, name = self._script(exchange, None)
            script = self._by_count(script, name)
            failure = failure_of(script, voice, exchange.model)
            if failure is None:
                return script.status or 200, exchange.whole(script)
        except Exception as error:
            failure = voice.refusal(_refused(error))
        return failure.status, failure.body

    def realtime(self, target: bytes, simulate: bytes | None, headers: Fields) -> Plan | Session:
        """The session of a WebSocket, or the plan of its refusal."""
        path, query = _parted(target)
        fields = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in headers}
        message = Message(method="GET", path=path, query=query, headers=fields)
        found = find(path)
        if found is None or found.endpoint.read is not read_realtime:
            return _unknown(message)
        refused = self._keys.refuse("bearer", OPENAI, message, target.decode("latin-1"))
        if refused is not None:
            return plan_failure(refused)
        model = query.get("model") or query.get("deployment", "")
        try:
            needs(model, "model", 1)
            brought, text = self._keys.script(shown_key("bearer", message))
            exchange = Document(b"")
            exchange.model = model
            script, name = self._script(exchange, simulate)
            script = self._by_count(script, name).under(self._by_count(brought, f"key {text}"))
        except (ScriptError, RefusedError) as error:
            return plan_failure(OPENAI.refusal(_refused(error)))
        failure = failure_of(script, OPENAI, model)
        # Who has no key or no credit is refused before the switch.
        if failure is not None and failure.status < 429 and script.error_in_stream_after is None:
            return plan_failure(failure)
        return Session(model, script, failure)

    def _answered(
        self, endpoint: Endpoint, message: Message, simulate: bytes | None
    ) -> tuple[Plan, bool]:
        brought, text = self._keys.script(shown_key(endpoint.scheme, message))
        exchange = endpoint.read(message)
        script, name = self._script(exchange, simulate)
        counted = script.fail_first is not None or brought.fail_first is not None
        script = self._by_count(script, name)
        if brought is not PLAIN:
            script = script.under(self._by_count(brought, f"key {text}"))
        return plan_reply(exchange, script, endpoint.voice), endpoint.kept and not counted

    def _script(self, exchange: Exchange, simulate: bytes | None) -> tuple[Script, str]:
        if simulate is not None:
            text = simulate.decode("latin-1")
            return parse_script(text), f"{exchange.model} {text}"
        script = script_of_model(exchange.model)
        if script is not None and script.early:
            raise ScriptError("early works only in the header X-Simulate: a model is in the body.")
        if script is None and isinstance(exchange, Document):
            return PLAIN, ""
        return script or self._default, exchange.model

    def _by_count(self, script: Script, name: str) -> Script:
        failing = script.fail_first
        if failing is None:
            return script
        if len(self._failures) >= FAILURE_COUNTS_MAX:
            self._failures.clear()
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count > failing:
            return script.healthy()
        script = msgspec.structs.replace(script, fail_first=None)
        return script if script.fails() else msgspec.structs.replace(script, error="server_error")


def _parted(target: bytes) -> tuple[str, dict[str, str]]:
    path, _, query = target.decode("latin-1").partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True))


def _unknown(message: Message) -> Plan:
    shown = f"{message.method} {message.path}"
    return plan_document(404, invalid_request(f"Invalid URL ({shown})"))


def _method_refused(message: Message, endpoint: Endpoint) -> Plan:
    shown = f"Not allowed to {message.method} on {message.path}."
    words = f"{shown} (HINT: Perhaps you meant to make your HTTP request using another method?)"
    allowed = ", ".join(endpoint.methods)
    failure = endpoint.voice.refusal(RefusedError(words, status=405))
    return plan_failure(failure._replace(headers=(*failure.headers, ("allow", allowed))))


def _refused(error: Exception) -> RefusedError:
    """What is wrong with a request, in the words that all vendors share."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, msgspec.ValidationError):
        message, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").lstrip(".") or None
        return RefusedError(f"Invalid type: {message}.", param=param, code="invalid_type")
    if isinstance(error, msgspec.DecodeError | UnicodeDecodeError | RecursionError):
        return RefusedError(_INVALID_JSON)
    if isinstance(error, LookupError | TypeError | AttributeError | ValueError):
        return RefusedError(f"The request has a form that is not known here: {error!r}.")
    raise error
