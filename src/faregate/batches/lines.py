"""Reads the lines of a batch; says what is wrong by their numbers.

Sources: OpenAI's guide "Batch API" (custom_id, method, url, body; at most 50,000 lines; the codes
of errors.data) and Anthropic's guide "Batch processing" (custom_id and params; at most 100,000
requests; nothing that streams). OpenAI asks for one model in a batch; here each line may name
another.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from faregate.batches.facts import LineError, LineFacts

LINES_MAX: Final = 50_000
REQUESTS_MAX: Final = 100_000
ERRORS_MAX: Final = 100  # told of one batch; whoever mends those finds the rest
CUSTOM_ID_CHARACTERS_MAX: Final = 512

ENDPOINTS: Final = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/messages",
)

_CUSTOM_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class _Line(msgspec.Struct):
    """A line of OpenAI's kind."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Body(msgspec.Struct):
    """What is read of a line's body."""

    model: str
    stream: bool | None = None


class _Params(msgspec.Struct):
    """What is read of a request's params."""

    model: msgspec.Raw = msgspec.Raw(b"null")
    stream: msgspec.Raw = msgspec.Raw(b"null")


class _Request(msgspec.Struct):
    """A request of Anthropic's kind, and the line that it becomes."""

    custom_id: str
    params: msgspec.Raw


class _Create(msgspec.Struct):
    """The body that makes a batch of messages."""

    requests: list[_Request]


_decode_line: Final = msgspec.json.Decoder(_Line).decode
_decode_body: Final = msgspec.json.Decoder(_Body).decode
_decode_params: Final = msgspec.json.Decoder(_Params).decode
_decode_request: Final = msgspec.json.Decoder(_Request).decode
_decode_create: Final = msgspec.json.Decoder(_Create).decode
_encode: Final = msgspec.json.Encoder().encode

Read = tuple[list[LineFacts], list[LineError]]


class RequestsError(Exception):
    """The requests of a batch of messages can't be taken; `param` says which."""

    def __init__(self, message: str, param: str) -> None:
        super().__init__(message)
        self.param = param


class Reading(NamedTuple):
    """What lines are judged by; `models` are those that the key may use."""

    endpoint: str
    models: frozenset[str]
    line_bytes_max: int


def split(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Number (from 1), start and end of each line that isn't blank."""
    start, number = 0, 0
    while start < len(data):
        found = data.find(b"\n", start)
        end = len(data) if found < 0 else found
        number += 1
        if data[start : min(end, start + 80)].strip() or data[start:end].strip():
            yield number, start, end
        start = end + 1


def read_lines(data: bytes, reading: Reading) -> Read:
    """The lines of an input of OpenAI's kind, or what is wrong with them."""
    lines: list[LineFacts] = []
    errors: list[LineError] = []
    seen: set[str] = set()
    for number, start, end in split(data):
        if len(lines) + len(errors) >= LINES_MAX:
            errors.append(LineError("too_many_tasks", f"A batch has at most {LINES_MAX} lines."))
            break
        found = _read(data[start:end], number, reading)
        if isinstance(found, LineError):
            errors.append(found)
        elif found[0] in seen:
            message = f"The custom_id '{found[0][:64]}' was used in a line before."
            errors.append(LineError("duplicate_custom_id", message, number, "custom_id"))
        else:
            custom_id, model = found
            seen.add(custom_id)
            lines.append(LineFacts(number, custom_id, model, start, end - start))
        if len(errors) >= ERRORS_MAX:
            break
    if not lines and not errors:
        errors.append(LineError("empty_file", "The input file has no lines."))
    return lines, errors


def _read(text: bytes, number: int, reading: Reading) -> LineError | tuple[str, str]:
    """The custom_id and the model of a line."""
    if len(text) > reading.line_bytes_max:
        message = f"The line has more than {reading.line_bytes_max} bytes."
        return LineError("line_too_large", message, number)
    try:
        line = _decode_line(text)
    except msgspec.ValidationError as error:
        return LineError("invalid_request", f"The line is not a request: {error}.", number)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = "The line can't be parsed as JSON."
        return LineError("invalid_json_line", message, number)
    if not line.custom_id or len(line.custom_id) > CUSTOM_ID_CHARACTERS_MAX:
        message = f"A custom_id has 1 to {CUSTOM_ID_CHARACTERS_MAX} characters."
        return LineError("invalid_custom_id", message, number, "custom_id")
    if line.method != "POST":
        return LineError("invalid_method", "The method is not POST.", number, "method")
    if line.url != reading.endpoint:
        message = f"The url is not the batch's endpoint, {reading.endpoint}."
        return LineError("url_mismatch", message, number, "url")
    try:
        body = _decode_body(line.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return LineError("invalid_request", f"The body can't be taken: {error}.", number, "body")
    if body.stream:
        message = "What is called in a batch can't be streamed."
        return LineError("invalid_request", message, number, "body.stream")
    if body.model not in reading.models:
        message = f"This key may not use a model '{body.model[:100]}', or there is none."
        return LineError("model_not_found", message, number, "body.model")
    return line.custom_id, body.model


def body_of(text: bytes) -> bytes:
    """The body to send for a line of OpenAI's kind that was read before."""
    return bytes(_decode_line(text).body)


def params_of(text: bytes) -> bytes:
    """The body to send for a request of Anthropic's kind, read before."""
    return bytes(_decode_request(text).params)


def write_requests(body: bytes) -> bytes:
    """The requests of a batch, a line each; raises `RequestsError`."""
    try:
        requests = _decode_create(body).requests
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestsError(f"The body can't be taken: {error}.", "requests") from None
    if not 1 <= len(requests) <= REQUESTS_MAX:
        raise RequestsError(f"A batch has 1 to {REQUESTS_MAX} requests.", "requests")
    seen: set[str] = set()
    written = bytearray()
    for at, request in enumerate(requests):
        custom_id = request.custom_id
        if _CUSTOM_ID.fullmatch(custom_id) is None:
            message = "A custom_id has 1 to 64 letters, digits, '_' and '-'."
            raise RequestsError(message, f"requests.{at}.custom_id")
        if custom_id in seen:
            message = f"The custom_id '{custom_id}' stands twice."
            raise RequestsError(message, f"requests.{at}.custom_id")
        seen.add(custom_id)
        try:
            params = _decode_params(request.params)
            compact = msgspec.json.format(bytes(request.params), indent=-1)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = "The params are not an object."
            raise RequestsError(message, f"requests.{at}.params") from None
        if bytes(params.stream) == b"true":
            message = "What is called in a batch can't be streamed."
            raise RequestsError(message, f"requests.{at}.params.stream")
        written += _encode(_Request(custom_id, msgspec.Raw(compact))) + b"\n"
    return bytes(written)


def read_requests(data: bytes) -> list[LineFacts]:
    """The lines that `write_requests` wrote."""
    lines = []
    for number, start, end in split(data):
        request = _decode_request(data[start:end])
        model = bytes(_decode_params(request.params).model)
        named = model[1:-1].decode("utf-8", "replace") if model[:1] == b'"' else ""
        lines.append(LineFacts(number, request.custom_id, named, start, end - start))
    return lines
