"""Which plan answers a request: addresses, the key, the body, the script."""

from typing import Final
from urllib.parse import unquote

import msgspec

from faregate.simulator.errors import invalid_request
from faregate.simulator.plan import Plan, plan_document, plan_reply, plan_script_error
from faregate.simulator.replies import (
    Request,
    Route,
    decode_request,
    encode,
    model_document,
    models_body,
)
from faregate.simulator.script import PLAIN, Script, ScriptError, parse_script, script_of_model

ROUTES: Final[dict[bytes, Route]] = {
    b"/v1/chat/completions": "chat",
    b"/v1/completions": "completions",
    b"/v1/embeddings": "embeddings",
}
MODELS_PATH: Final = b"/v1/models"
CONTROL_PATH: Final = b"/v1/_simulator/"
MODEL_NAMES: Final = [
    "sim",
    "sim:latency_ms=200,tokens=50,token_ms=5",
    "sim:error=rate_limit",
    "sim:refusal=openrouter:payment_required",
    "sim:stall_after=3",
]

PLANS_KEPT_MAX: Final = 256
PLAN_KEY_BYTES_MAX: Final = 16 * 1024
FAILURE_COUNTS_MAX: Final = 10_000

_ASKED: Final[dict[Route, str]] = {
    "chat": "messages",
    "completions": "prompt",
    "embeddings": "input",
}
_INVALID_JSON: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was "
    "not valid JSON.)"
)
_NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)

PlanKey = tuple[bytes, bytes, bytes, bytes | None]


class Router:
    """Finds the plan of a request, and keeps it for the next same one.

    `key` is the only key that is accepted, None accepts all calls; `default` is the script of
    calls that bring none.
    """

    def __init__(self, key: str | None, default: Script = PLAIN) -> None:
        self._bearer = None if key is None else f"Bearer {key}".encode()
        self._default = default
        self._kept: dict[PlanKey, Plan] = {}
        self._failures: dict[str, int] = {}

    def reset(self) -> None:
        """Forget how often each script of fail_first was called."""
        self._failures.clear()

    def refuse_key(self, headers: list[tuple[bytes, bytes]]) -> Plan | None:
        """The 401 of a call without the right key."""
        if self._bearer is None:
            return None
        shown = next((value for name, value in headers if name.lower() == b"authorization"), None)
        if shown == self._bearer:
            return None
        if shown is None:
            return plan_document(401, invalid_request(_NO_KEY))
        key = shown.decode("latin-1").removeprefix("Bearer ")
        masked = "*" * max(0, len(key) - 4) + key[-4:] if len(key) > 8 else "*" * len(key)
        message = f"Incorrect API key provided: {masked}."
        return plan_document(401, invalid_request(message, code="invalid_api_key"))

    def early(self, target: bytes, simulate: bytes) -> Plan | None:
        """The plan of a call that is answered before its body is read.

        None where its header does not ask for that.
        """
        route = ROUTES.get(target.partition(b"?")[0])
        try:
            script = parse_script(simulate.decode("latin-1"))
        except ScriptError:
            return None
        if not script.early or route is None:
            return None
        messages = msgspec.Raw(b'""')
        return plan_reply(route, Request("sim", messages, messages, messages), script)

    def plan(self, method: bytes, target: bytes, body: bytes, simulate: bytes | None) -> Plan:
        """The plan of a whole request."""
        key = (method, target, body, simulate)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        plan, again = self._make(method, target, body, simulate)
        if again and plan.kept and len(body) <= PLAN_KEY_BYTES_MAX:
            if len(self._kept) >= PLANS_KEPT_MAX:
                self._kept.clear()
            self._kept[key] = plan
        return plan

    def _make(
        self, method: bytes, target: bytes, body: bytes, simulate: bytes | None
    ) -> tuple[Plan, bool]:
        """The plan, and whether the same request gets the same again."""
        path = target.partition(b"?")[0]
        route = ROUTES.get(path)
        if route is None:
            return self._look(method, path), True
        if method != b"POST":
            return _method_refused(method, path, "POST"), True
        try:
            request = decode_request(body)
        except msgspec.ValidationError as error:
            return plan_document(400, _invalid_field(error)), True
        except (msgspec.DecodeError, ValueError, RecursionError):
            return plan_document(400, invalid_request(_INVALID_JSON)), True
        missing = _missing(route, request)
        if missing is not None:
            return plan_document(400, missing), True
        try:
            script, name = self._script(request, simulate)
            failing = script.fail_first
            if failing is not None:
                script = self._by_count(script, name, failing)
            return plan_reply(route, request, script), failing is None
        except ScriptError as error:
            return plan_script_error(str(error)), True
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return plan_document(400, invalid_request(str(error))), True

    def _script(self, request: Request, simulate: bytes | None) -> tuple[Script, str]:
        if simulate is not None:
            text = simulate.decode("latin-1")
            return parse_script(text), f"{request.model} {text}"
        script = script_of_model(request.model)
        if script is not None and script.early:
            raise ScriptError("early works only in the header X-Simulate: a model is in the body.")
        return script or self._default, request.model

    def _by_count(self, script: Script, name: str, failing: int) -> Script:
        if len(self._failures) >= FAILURE_COUNTS_MAX:
            self._failures.clear()
        count = self._failures[name] = self._failures.get(name, 0) + 1
        if count > failing:
            return script.healthy()
        script = msgspec.structs.replace(script, fail_first=None)
        return script if script.fails() else msgspec.structs.replace(script, error="server_error")

    def _look(self, method: bytes, path: bytes) -> Plan:
        if path == MODELS_PATH or path.startswith(MODELS_PATH + b"/"):
            if method != b"GET":
                return _method_refused(method, path, "GET")
            name = unquote(path[len(MODELS_PATH) + 1 :].decode("latin-1"))
            body = encode(model_document(name)) if name else models_body(MODEL_NAMES)
            return plan_document(200, body)
        shown = f"{method.decode('latin-1')} {path.decode('latin-1')}"
        return plan_document(404, invalid_request(f"Invalid URL ({shown})"))


def _method_refused(method: bytes, path: bytes, allowed: str) -> Plan:
    shown = f"Not allowed to {method.decode('latin-1')} on {path.decode('latin-1')}."
    message = f"{shown} (HINT: Perhaps you meant to make your HTTP request using another method?)"
    return plan_document(405, invalid_request(message), (("allow", allowed),))


def _invalid_field(error: msgspec.ValidationError) -> bytes:
    message, _, path = str(error).partition(" - at `$")
    param = path.rstrip("`").lstrip(".") or None
    return invalid_request(f"Invalid type: {message}.", param=param, code="invalid_type")


def _missing(route: Route, request: Request) -> bytes | None:
    if not request.model:
        return invalid_request("you must provide a model parameter", param="model")
    asked = _ASKED[route]
    if not len(getattr(request, asked)):
        message = f"Missing required parameter: '{asked}'."
        return invalid_request(message, param=asked, code="missing_required_parameter")
    return None
