"""Gemini's generateContent, at its own addresses and at Vertex AI's.

Requests are read as strictly as Google does: unknown members, roles, results that do not match
their calls, and signatures of thoughts that are not the simulator's own are refused.

Sources: the Gemini API reference: generateContent, streamGenerateContent, countTokens; "Thinking",
"Thought signatures", "Function calling"; Vertex AI's reference of GenerateContentResponse.
"""

import base64
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import Answer, Asked, Tool, Usage, encode, tokens_of
from faregate.simulator.errors import Failure, RefusedError
from faregate.simulator.exchange import Document, Exchange, Message, Piece, Turn, members, only, sse
from faregate.simulator.script import Script

SIGNATURE_PREFIX: Final = b"sim-signature-"
# What Google accepts in place of a signature, for history of other models.
SIGNATURES_SKIPPED: Final = (
    "skip_thought_signature_validator",
    "context_engineering_is_the_way_to_go",
)
FINISH_REASONS: Final = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "tool": "STOP",
}

_MEMBERS: Final = frozenset(
    (
        "model", "contents", "systemInstruction", "tools", "toolConfig", "safetySettings",
        "generationConfig", "cachedContent", "labels", "serviceTier", "store",
        "modelArmorConfig",
    )
)  # fmt: skip
_SETTINGS: Final = frozenset(
    (
        "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema",
        "responseFormat", "responseModalities", "candidateCount", "maxOutputTokens",
        "temperature", "topP", "topK", "seed", "presencePenalty", "frequencyPenalty",
        "responseLogprobs", "logprobs", "speechConfig", "thinkingConfig", "mediaResolution",
        "enableEnhancedCivicAnswers", "imageConfig", "audioTimestamp", "routingConfig",
        "modelSelectionConfig", "enableAffectiveDialog", "labels", "translationConfig",
    )
)  # fmt: skip
_UNKNOWN: Final = 'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'


def camel(name: str) -> str:
    """A member's name as Google writes it; it may come in snake_case."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def camels(value: Any) -> dict[str, Any]:
    """A member that is an object, its names as Google writes them."""
    if not isinstance(value, dict):
        raise RefusedError("Invalid value (Object), expected an object.")
    return {camel(name): inner for name, inner in value.items()}


class Generated(Turn):
    """One call of generateContent or streamGenerateContent."""

    def __init__(
        self, asked: Asked, *, form: str = "whole", thoughts: bool = False, vertex: bool = False
    ) -> None:
        super().__init__(asked)
        self._form = form
        self._thoughts = thoughts
        self._vertex = vertex
        self.unsigned = False
        if form == "array":
            self.stream_type = "application/json"

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        self._check_signed(script)
        return super().whole(script)

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The answer as a stream."""
        self._check_signed(script)
        return super().pieces(script)

    def written(self, answer: Answer, script: Script) -> bytes:
        """The body of `answer`."""
        parts = [part for part, _ in self._parts(answer, joined=True)]
        return encode(self._response(answer, script, parts, answer.usage, finished=True))

    def events(self, answer: Answer, script: Script) -> Iterator[Piece]:
        """`answer` as a stream."""
        usage = msgspec.structs.replace(answer.usage, output=0, thinking=0)
        number = 0
        for part, tokens in self._parts(answer, joined=False):
            thought = tokens if part.get("thought") else 0
            usage = msgspec.structs.replace(
                usage, output=usage.output + tokens, thinking=usage.thinking + thought
            )
            shown = self._response(answer, script, [part], usage, finished=False)
            yield Piece(self._framed(number, shown), tokens)
            number += 1
        end: list[Any] = [] if answer.finish == "content_filter" else [{"text": ""}]
        last = self._response(answer, script, end, answer.usage, finished=True)
        yield Piece(self._framed(number, last))
        if self._form == "array":
            yield Piece(b"\n]", events=0)

    def failed(self, failure: Failure) -> Failure:
        """An error that the script asks for, in an array where that is."""
        if self._form != "array":
            return failure
        return failure._replace(body=b"[" + failure.body + b"\n]")

    def broken_off(self, failure: Failure, sent: int = 0) -> bytes:
        """What a stream shows of an error."""
        if self._form == "array":
            return b"\n,\r\n" + failure.body + b"\n]"
        return super().broken_off(failure)

    def _framed(self, number: int, document: object) -> bytes:
        if self._form == "array":
            return (b"\n,\r\n" if number else b"[") + encode(document)
        return sse(document).removesuffix(b"\n\n") + b"\r\n\r\n"

    def _check_signed(self, script: Script) -> None:
        if script.thinking and self.unsigned:
            raise RefusedError(
                "Function call is missing a thought_signature in functionCall parts. This is "
                "required for tools to work correctly, and missing thought_signature may lead to "
                "degraded model performance."
            )

    def _parts(self, answer: Answer, *, joined: bool) -> Iterator[tuple[dict[str, Any], int]]:
        """The parts of an answer, with their tokens."""
        if self._thoughts and answer.thinking:
            for text in [answer.thought] if joined else answer.thinking:
                yield {"text": text, "thought": True}, len(answer.thinking) if joined else 1
        signature = base64.b64encode(
            SIGNATURE_PREFIX + str(tokens_of(answer.thought)).encode()
        ).decode()
        signed = {"thoughtSignature": signature} if answer.thinking else {}
        if answer.finish != "content_filter" and (answer.tokens or not answer.calls):
            for text in [answer.text] if joined else answer.tokens:
                yield {"text": text}, len(answer.tokens) if joined else 1
        for call in answer.calls:
            function: dict[str, Any] = {"name": call.name, "args": call.document()}
            if not self._vertex:
                function["id"] = f"{answer.identifier}{call.number}"
            # Of calls at once only the first is signed.
            yield {"functionCall": function, **signed}, len(call.pieces)
            signed = {}

    def _response(
        self, answer: Answer, script: Script, parts: list[Any], usage: Usage, *, finished: bool
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"index": 0}
        if parts:
            candidate["content"] = {"parts": parts, "role": "model"}
        if finished:
            candidate["finishReason"] = FINISH_REASONS[answer.finish]
        body: dict[str, Any] = {"candidates": [candidate]}
        if not script.no_usage:
            body["usageMetadata"] = usage_metadata(usage)
        return {**body, "modelVersion": self.model, "responseId": f"{answer.identifier}sim"}


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """The usage; thoughts are not among the candidates' tokens."""
    found: dict[str, Any] = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.thinking,
        "totalTokenCount": usage.input + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    }
    if usage.thinking:
        found["thoughtsTokenCount"] = usage.thinking
    if usage.cached:
        found["cachedContentTokenCount"] = usage.cached
        found["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": usage.cached}]
    return found


# -- Requests -------------------------------------------------------------------------------------


def read_gemini(message: Message) -> Exchange:
    """generateContent, streamGenerateContent or countTokens."""
    action, model = message.names["action"], message.names["model"]
    vertex = "project" in message.names
    if action == "countTokens":
        given = camels(msgspec.json.decode(message.body))
        inner = given.get("generateContentRequest")
        body = message.body if inner is None else encode(inner)
        tokens = _read(body, model, vertex=vertex, form="whole").asked.input_tokens
        details = [{"modality": "TEXT", "tokenCount": tokens}]
        return Document(encode({"totalTokens": tokens, "promptTokensDetails": details}))
    form = "whole"
    if action == "streamGenerateContent":
        form = "sse" if message.query.get("alt") == "sse" else "array"
    return _read(message.body, model, vertex=vertex, form=form)


def _read(body: bytes, model: str, *, vertex: bool, form: str) -> Generated:
    raw = {camel(name): value for name, value in members(body).items()}
    only(raw, _MEMBERS, _UNKNOWN)
    document = camels(msgspec.json.decode(body))
    contents = document.get("contents")
    if not contents:
        words = "* GenerateContentRequest.contents: contents is not specified\n"
        raise RefusedError(words)
    settings = camels(document.get("generationConfig") or {})
    only(settings, _SETTINGS, _UNKNOWN.replace('"{name}"', "\"{name}\" at 'generation_config'"))
    thinking = camels(settings.get("thinkingConfig") or {})
    calling = camels(
        camels(document.get("toolConfig") or {}).get("functionCallingConfig") or {}
    )  # fmt: skip
    mode = str(calling.get("mode", "AUTO")).upper()
    allowed = calling.get("allowedFunctionNames") or []
    tools = () if mode == "NONE" else tuple(_tools(document.get("tools") or []))
    results = _check_contents(contents if isinstance(contents, list) else [contents])
    asked = Asked(
        model=model,
        counted=bytes(raw["contents"]) + bytes(raw.get("systemInstruction", b"")),
        limit=settings.get("maxOutputTokens"),
        streamed=form != "whole",
        tools=tools,
        forced=(allowed[0] if allowed else "") if mode == "ANY" else None,
        results=results,
        schema=settings.get("responseJsonSchema") or settings.get("responseSchema"),
    )
    made = Generated(asked, form=form, thoughts=bool(thinking.get("includeThoughts")),
                     vertex=vertex)  # fmt: skip
    made.unsigned = _unsigned(contents)
    return made


def _tools(rows: list[Any]) -> Iterator[Tool]:
    for row in rows:
        for declared in camels(row).get("functionDeclarations") or []:
            function = camels(declared)
            if not re.fullmatch(r"[a-zA-Z_][\w.:-]{0,127}", str(function.get("name", ""))):
                raise RefusedError(
                    "Invalid function name. Must start with a letter or an underscore. Must be "
                    "alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
                    "dashes (-), with a maximum length of 128."
                )
            schema = function.get("parametersJsonSchema") or function.get("parameters")
            yield Tool(function["name"], schema)


def _parts_of(content: Any) -> list[dict[str, Any]]:
    row = camels(content)
    if row.get("role", "user") not in ("user", "model", "function"):
        raise RefusedError("Please use a valid role: user, model.")
    parts = row.get("parts") or []
    return [camels(part) for part in (parts if isinstance(parts, list) else [parts])]


def _check_contents(contents: list[Any]) -> tuple[str, ...]:
    """Refuse what does not hang together; the results that end it."""
    calls, results = 0, []
    for content in contents:
        parts = _parts_of(content)
        if not parts:
            raise RefusedError("* GenerateContentRequest.contents[0].parts: contents.parts must "
                               "not be empty.\n")  # fmt: skip
        for part in parts:
            _check_signature(part.get("thoughtSignature"))
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if (calls or results) and len(results) != calls:
            raise RefusedError(
                "Please ensure that the number of function response parts is equal to the number "
                "of function call parts of the function call turn."
            )
        calls = sum("functionCall" in part for part in parts)
    return tuple(_shown(result) for result in results)


def _shown(result: Any) -> str:
    response = result.get("response")
    if not isinstance(response, dict):
        raise RefusedError("Invalid value at 'contents[0].parts[0].function_response.response' "
                           "(type.googleapis.com/google.protobuf.Struct).")  # fmt: skip
    values = list(response.values())
    return str(values[0]) if len(values) == 1 else encode(response).decode()


def _check_signature(signature: object) -> None:
    if signature is None or signature in SIGNATURES_SKIPPED:
        return
    text = str(signature).replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    known = (SIGNATURE_PREFIX, *(word.encode() for word in SIGNATURES_SKIPPED))
    if not data.startswith(known):
        raise RefusedError("Corrupted thought signature.")


def _unsigned(contents: Any) -> bool:
    """Whether the first call of the last turn of calls has no signature."""
    for content in reversed(contents if isinstance(contents, list) else [contents]):
        calls = [part for part in _parts_of(content) if "functionCall" in part]
        if calls:
            return "thoughtSignature" not in calls[0]
    return False
