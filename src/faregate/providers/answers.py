"""A provider's answer from a file, and what it means.

A file may hold a raw HTTP/1.1 or HTTP/2 answer as `curl -i` writes it (interim answers and a
proxy's before it), a body alone, or the events of a stream.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from faregate.core import bounds
from faregate.providers.refusals import Classification, classify
from faregate.providers.rules import header_value, rules_of
from faregate.providers.specimens import usual_status
from faregate.wire import content_coding

Fields = tuple[tuple[str, str], ...]

_STATUS_LINE: Final = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?: ([^\r\n]*))?\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_EVENT_START: Final = re.compile(rb"\s*(?:data|event|id|retry)?:")
# What a proxy says when a tunnel is open, before the answer itself.
_TUNNEL: Final = re.compile(rb"\s*HTTP/\d")


class ProviderAnswer(msgspec.Struct, frozen=True):
    """An answer to judge; a `status` of None was not said."""

    status: int | None
    fields: Fields
    body: bytes


class Judgement(msgspec.Struct, frozen=True):
    """What it means.

    `status` is what it was judged by. `guessed`: nothing said the status, so it was taken from
    the body, or from the rule that matches it. `streamed`: it is an event of a stream.
    """

    status: int
    found: Classification
    guessed: bool = False
    streamed: bool = False


def read_answer(data: bytes, status: int | None = None, fields: Fields = ()) -> ProviderAnswer:
    """The answer in `data`; what is given beside it counts first."""
    found_status: int | None = None
    found: list[tuple[str, str]] = []
    body = data
    while match := _STATUS_LINE.match(body.lstrip()):
        text = body.lstrip()
        found_status = int(match[1])
        end = _HEAD_END.search(text, match.end() - 2)
        head = text[match.end() :] if end is None else text[match.end() : end.start()]
        body = b"" if end is None else text[end.end() :]
        found = list(_fields(head))
        if found_status >= 200 and _TUNNEL.match(body) is None:
            break
    everything = (*fields, *found)
    return ProviderAnswer(
        status if status is not None else found_status, everything, _plain(body, everything)
    )


def judge(vendor: str, answer: ProviderAnswer) -> Judgement | None:
    """What `vendor` means by it; None: its status can't even be guessed."""
    served = answer.status is None or answer.status < 300
    if served and _EVENT_START.match(answer.body) is not None:
        found = _judge_stream(vendor, answer)
        return Judgement(answer.status or 200, found, streamed=True)
    if answer.status is not None:
        return Judgement(answer.status, _classify(vendor, answer.status, answer))
    guess = _guess_status(vendor, answer)
    if guess is None:
        return None
    return Judgement(guess, _classify(vendor, guess, answer), guessed=True)


def _classify(vendor: str, status: int, answer: ProviderAnswer) -> Classification:
    if 300 <= status < 400:
        return Classification("failed", "provider_failed", "a redirect; base_url may be wrong")
    return classify(vendor, status, answer.fields, answer.body)


def _judge_stream(vendor: str, answer: ProviderAnswer) -> Classification:
    """The first event that is a refusal."""
    found = classify(vendor, 200, answer.fields, b"")
    for line in answer.body.splitlines():
        if line.startswith(b"data:"):
            found = classify(vendor, 200, answer.fields, line[5:].strip())
            if found.meaning != "none":
                return found
    return found


def _guess_status(vendor: str, answer: ProviderAnswer) -> int | None:
    """The status that the body names, else that of the first rule that its content matches."""
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    for part in (error, document):
        for name in ("code", "status", "status_code"):
            number = part.get(name) if isinstance(part, dict) else None
            if isinstance(number, int) and 400 <= number <= 599:
                return number
    for numbered in rules_of(vendor):
        status = usual_status(numbered.rule)
        if numbered.rule.match and numbered.rule.matches(status, document, answer.fields):
            return status
    return None


# -- a raw answer ----------------------------------------------------------------------------------


def _fields(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == name:
            yield name.lower(), value.strip()


def parse_field(text: str) -> tuple[str, str]:
    """Name, in lower case, and value; raises `ValueError`."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"{text!r} is not a header; write it as 'name: value'")
    return name.strip().lower(), value.strip()


def _plain(body: bytes, fields: Sequence[tuple[str, str]]) -> bytes:
    """The body without chunks and content coding, where it still has them."""
    coding = header_value(fields, "transfer-encoding") or ""
    if "chunked" in coding.lower():
        body = _without_chunks(body)
    encoding = header_value(fields, "content-encoding")
    if encoding:
        try:
            # `curl -i --compressed` takes it off and leaves the header.
            return content_coding.decode(body, encoding.encode(), bounds.REQUEST_BODY_BYTES_MAX)
        except content_coding.CODING_ERRORS:
            return body
    return body


def _without_chunks(body: bytes) -> bytes:
    """The content of whole chunks; what isn't chunked stays as it is (`curl -i` undoes it)."""
    content: list[bytes] = []
    at = 0
    while match := _CHUNK_LINE.match(body, at):
        size = int(match[1], 16)
        begin = match.end()
        if size == 0:
            return b"".join(content)
        content.append(body[begin : begin + size])
        at = begin + size
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(content) if content and at >= len(body) else body
