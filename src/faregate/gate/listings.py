"""The models that a key may use, as clients of all dialects list them.

OpenAI's list is in `gate.answers`; Anthropic's clients get their members beside OpenAI's.

Sources: Anthropic's API reference, "List Models"; Gemini API, "Models" (models.list, models.get);
Ollama API, "List models", "Show model details", "Get version".
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from faregate.catalogue.models import Offer
from faregate.configuration.accounts import serving
from faregate.configuration.document import Document
from faregate.core.refusals import Refusal, refuse
from faregate.gate import phases
from faregate.gate.answers import MODELS_PATH, Answer, ListModels, ShowModel, say_methods
from faregate.gate.explanations import answer_json
from faregate.gate.filing import page_limit, query_of
from faregate.gate.phases import Phase, PhasedStep, Plan, Step
from faregate.gate.state import CallState
from faregate.gate.upstreams import Upstream
from faregate.policies.models import ModelCheck
from faregate.policies.tenants import Tenants

LISTING_PATHS: Final = (
    "/v1beta/models", "/v1beta/models/{id}", "/api/tags", "/api/show", "/api/version",
)  # fmt: skip
GEMINI_MODELS_PATH: Final = b"/v1beta/models"
_PAGE_MAX: Final = 1_000
# When a model was made is not known here, and clients want a time.
_NO_TIME: Final = "1970-01-01T00:00:00Z"
# What Ollama's page "Get version" shows: clients ask for a least version of its API.
_OLLAMA_VERSION: Final = b'{"version":"0.12.6"}'
_METHODS: Final = {
    "generate": ("generateContent", "streamGenerateContent", "countTokens"),
    "embeddings": ("embedContent", "batchEmbedContents"),
}
_CAPABILITIES: Final = {"generate": ("completion", "tools"), "embeddings": ("embedding",)}


class Listed(msgspec.Struct, frozen=True):
    """What clients may want to know of a model."""

    operations: tuple[str, ...] = ()
    context_tokens: int | None = None
    output_tokens_max: int | None = None


def listed_models(document: Document, upstreams: Mapping[str, Upstream]) -> dict[str, Listed]:
    """The facts of all models.

    Of a virtual one they are what holds for all of its targets.
    """
    pins = {pin.model: pin for pin in document.catalogue}
    found = {}
    for model in document.models:
        upstream, pin = upstreams[model.provider], pins.get(model.name)
        found[model.name] = Listed(
            tuple(name for name in _METHODS if upstream.dialects(name)),
            pin.context_tokens if pin is not None else None,
            model.output_tokens_max or (pin.output_tokens_max if pin is not None else None),
        )
    for virtual in document.virtual_models:
        those = [found[name] for name in serving(virtual)]
        found[virtual.name] = Listed(
            tuple(name for name in _METHODS if any(name in one.operations for one in those)),
            _least(one.context_tokens for one in those),
            _least(one.output_tokens_max for one in those),
        )
    return found


def _least(values: Iterable[int | None]) -> int | None:
    known = list(values)
    return min((one for one in known if one is not None), default=None) if all(known) else None


class Listings:
    """The steps that answer, by the names and aliases of a snapshot."""

    def __init__(self, tenants: Tenants, models: dict[str, Listed]) -> None:
        self._tenants = tenants
        self._models = models
        self._check = ModelCheck(tenants)
        self._list = ListModels(tenants)
        self._show = ShowModel(tenants)

    def _offers(self, call: CallState) -> list[tuple[str, Offer]]:
        """All names that a key may ask for, and what they mean."""
        allowed = call.key.models if call.key is not None else frozenset()
        return self._tenants.scope(call.key).offers(allowed)

    def _listed(self, offer: Offer) -> Listed:
        return self._models.get(offer.name, Listed())

    # -- OpenAI's and Anthropic's: /v1/models ---------------------------------------------------

    def list_models(self, call: CallState) -> Answer | Refusal:
        """`GET /v1/models`, in the shape that the client's headers ask for."""
        fields = call.head.fields
        if _is_google(fields):
            return self.list_gemini(call)
        if b"anthropic-version" not in fields:
            return self._list(call)
        query = query_of(call)
        limit = page_limit(query, _PAGE_MAX, _PAGE_MAX)
        if isinstance(limit, Refusal):
            return limit
        offers = self._offers(call)
        after, before = query.get("after_id"), query.get("before_id")
        if after is not None:
            offers = [each for each in offers if each[0] > after]
        if before is not None:
            offers = [each for each in offers if each[0] < before]
        page = offers[-limit:] if before is not None and after is None else offers[:limit]
        return answer_json(
            {
                "object": "list",
                "data": [self._row(name, offer) for name, offer in page],
                "has_more": len(page) < len(offers),
                "first_id": page[0][0] if page else None,
                "last_id": page[-1][0] if page else None,
            }
        )

    def show_model(self, call: CallState) -> Answer | Refusal:
        """`GET /v1/models/{id}`, likewise."""
        fields = call.head.fields
        if _is_google(fields):
            return self.show_gemini(call)
        shown = self._show(call)
        if isinstance(shown, Refusal) or b"anthropic-version" not in fields:
            return shown
        assert call.offer is not None
        return answer_json(self._row(call.model_asked, call.offer))

    def _row(self, name: str, offer: Offer) -> dict[str, Any]:
        listed = self._listed(offer)
        return {
            "id": name, "object": "model", "created": 0, "owned_by": offer.provider,
            "type": "model", "display_name": name, "created_at": _NO_TIME,
            "max_input_tokens": listed.context_tokens, "max_tokens": listed.output_tokens_max,
        }  # fmt: skip

    # -- Google's: /v1beta/models ---------------------------------------------------------------

    def list_gemini(self, call: CallState) -> Answer | Refusal:
        """`GET /v1beta/models`."""
        query = query_of(call)
        size = page_limit({"limit": query.get("pageSize") or str(_PAGE_MAX)}, 0, 10**9)
        if isinstance(size, Refusal):
            return refuse("request_invalid", "pageSize is a number above 0.", param="pageSize")
        after = query.get("pageToken", "")
        offers = [each for each in self._offers(call) if each[0] > after]
        page = offers[: min(size, _PAGE_MAX)]
        told: dict[str, Any] = {"models": [self._gemini(name, offer) for name, offer in page]}
        if len(page) < len(offers):
            told["nextPageToken"] = page[-1][0]
        return answer_json(told)

    def show_gemini(self, call: CallState) -> Answer | Refusal:
        """`GET /v1beta/models/{id}`."""
        name = unquote(call.head.path.partition(b"/models/")[2].decode("latin-1"))
        call.model_asked = name
        refusal = self._check(call)
        if refusal is not None:
            return refusal
        assert call.offer is not None
        return answer_json(self._gemini(name, call.offer))

    def _gemini(self, name: str, offer: Offer) -> dict[str, Any]:
        listed = self._listed(offer)
        told: dict[str, Any] = {
            "name": f"models/{name}", "version": "", "displayName": name, "description": "",
        }  # fmt: skip
        if listed.context_tokens is not None:
            told["inputTokenLimit"] = listed.context_tokens
        if listed.output_tokens_max is not None:
            told["outputTokenLimit"] = listed.output_tokens_max
        methods = [method for name in listed.operations for method in _METHODS[name]]
        return told | {"supportedGenerationMethods": methods}

    # -- Ollama's -------------------------------------------------------------------------------

    def list_ollama(self, call: CallState) -> Answer:
        """`GET /api/tags`."""
        rows = [
            {
                "name": name,
                "model": name,
                "modified_at": _NO_TIME,
                "size": 0,
                "digest": blake2b(name.encode("utf-8", "replace"), digest_size=32).hexdigest(),
                "details": _details(offer),
            }
            for name, offer in self._offers(call)
        ]
        return answer_json({"models": rows})

    def show_ollama(self, call: CallState) -> Answer | Refusal:
        """`POST /api/show`."""
        try:
            asked = _decode_shown(call.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return refuse("request_invalid", f"The body can't be read: {error}.", param="model")
        call.model_asked = name = asked.model or asked.name
        refusal = self._check(call)
        if refusal is not None:
            return refusal
        assert call.offer is not None
        listed = self._listed(call.offer)
        info: dict[str, Any] = {"general.architecture": "faregate", "general.basename": name}
        if listed.context_tokens is not None:
            info["faregate.context_length"] = listed.context_tokens
        capabilities = [each for one in listed.operations for each in _CAPABILITIES[one]]
        told = {
            "modelfile": "", "parameters": "", "template": "", "modified_at": _NO_TIME,
            "details": _details(call.offer), "model_info": info, "capabilities": capabilities,
        }  # fmt: skip
        return answer_json(told)


def _details(offer: Offer) -> dict[str, Any]:
    family = offer.provider
    return {
        "parent_model": "", "format": "", "family": family, "families": [family],
        "parameter_size": "", "quantization_level": "",
    }  # fmt: skip


class _Shown(msgspec.Struct):
    model: str = ""
    name: str = ""  # what it was called before


_decode_shown: Final = msgspec.json.Decoder(_Shown).decode


def _is_google(fields: Mapping[bytes, bytes]) -> bool:
    """Whether Google's SDK asks; its version 3 does so below /v1, as OpenAI's."""
    return b"x-goog-api-key" in fields or b"x-goog-api-client" in fields


def show_ollama_version(_call: CallState) -> Answer:
    """`GET /api/version`: whose API this is like."""
    return Answer(200, "application/json", _OLLAMA_VERSION)


Methods = dict[bytes, Plan]


def listing_routes(
    identify: PhasedStep, listings: Listings
) -> tuple[dict[bytes, Methods], dict[bytes, Methods]]:
    """Plans by path, and by what a path begins with."""
    read = PhasedStep(Phase.VALIDATE, phases.decode_body)
    show = [identify, read, PhasedStep(Phase.SEND, listings.show_ollama)]

    def options(allowed: str) -> Plan:
        answer = say_methods(allowed)
        return Plan("options", [PhasedStep(Phase.SEND, lambda _call: answer)])

    def reading(route: str, step: Step, dialect: str, *first: PhasedStep) -> Methods:
        plan = Plan(route, [*first, PhasedStep(Phase.SEND, step)], dialect=dialect)
        return {b"GET": plan, b"HEAD": plan, b"OPTIONS": options("GET, HEAD, OPTIONS")}

    exact = {
        MODELS_PATH: reading("/v1/models", listings.list_models, "openai", identify),
        GEMINI_MODELS_PATH: reading("/v1beta/models", listings.list_gemini, "gemini", identify),
        b"/api/tags": reading("/api/tags", listings.list_ollama, "ollama", identify),
        b"/api/version": reading("/api/version", show_ollama_version, "ollama"),
        b"/api/show": {
            b"POST": Plan("/api/show", show, dialect="ollama"),
            b"OPTIONS": options("OPTIONS, POST"),
        },
    }
    below = {
        MODELS_PATH + b"/": reading("/v1/models/{id}", listings.show_model, "openai", identify),
        GEMINI_MODELS_PATH + b"/": reading(
            "/v1beta/models/{id}", listings.show_gemini, "gemini", identify
        ),
    }
    return exact, below
