"""faregate call: one call through the gate, from the terminal."""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from faregate.core.errors import FaregateError
from faregate.storage.home import Home
from faregate.supervisor.demo import read_environment_file
from faregate.supervisor.lock import holder

DEFAULT_URL: Final = "http://127.0.0.1:8402"
TIMEOUT_S: Final = 900.0  # as long as a provider may take by default
SIDES: Final = {
    "caller": "it is yours to mend",
    "operator": "it is the operator's to mend",
    "provider": "the provider is to blame",
}


@dataclass(frozen=True)
class Target:
    """Where a call goes and with which key."""

    url: str
    key: str | None


@dataclass
class Told:
    """What is known of a call when it is over."""

    call_id: str | None = None
    first_byte_s: float | None = None
    total_s: float = 0.0
    usage: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"call {self.call_id}" if self.call_id else "no call id"]
        if self.usage:
            tokens = self.usage.get("prompt_tokens", "?"), self.usage.get("completion_tokens", "?")
            parts.append(f"tokens {tokens[0]} in, {tokens[1]} out")
        if self.first_byte_s is not None:
            parts.append(f"first byte {self.first_byte_s * 1000:.0f} ms")
        parts.append(f"total {self.total_s * 1000:.0f} ms")
        return " | ".join(parts)


class Refused(Exception):  # noqa: N818 - an answer of the gate, not a fault of this program
    """The call was not served; `lines` tell a person why."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))


def call(
    prompt: Annotated[str, typer.Argument(help="What to say to the model; - reads it from stdin.")],
    model: Annotated[
        str | None, typer.Option(help="Model to ask; without it, the first that the key may use.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Key to call with; without it FAREGATE_API_KEY, then the demo's."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Address of the gate; without it FAREGATE_URL, then the local one."),
    ] = None,
    stream: Annotated[bool, typer.Option(help="Show the answer while it is made.")] = True,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest answer, in tokens.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the reply's JSON, or each event's, a line each.")
    ] = False,
) -> None:
    """Send one prompt through the gate and print the answer.

    The call's id, tokens and times go to standard error.

    Example: faregate call "What is the capital of France?" --model smollm2
    """
    target = find_target(url, key)
    text = sys.stdin.read() if prompt == "-" else prompt
    told = Told()
    try:
        body: dict[str, Any] = {
            "model": model or _first_model(target),
            "messages": [{"role": "user", "content": text}],
        }
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        for piece in _send(target, body, told, as_json=as_json):
            print(_harmless(piece) if sys.stdout.isatty() else piece, end="", flush=True)
        print()
    except Refused as refused:
        print(refused, file=sys.stderr)
        raise typer.Exit(1) from None
    print(told, file=sys.stderr)


def find_target(url: str | None, key: str | None) -> Target:
    """Address and key: as given, from the environment, or the demo's own.

    The demo's key is sent to the demo's address only.
    """
    home = Home.from_environment()
    url = url or os.environ.get("FAREGATE_URL")
    key = key or os.environ.get("FAREGATE_API_KEY")
    demo = read_environment_file(home.demo_env)
    running = holder(home.run) or {}
    if url is None:
        url = running.get("url") or demo.get("FAREGATE_URL") or DEFAULT_URL
    url = url.rstrip("/").removesuffix("/v1")
    if key is None and url == demo.get("FAREGATE_URL"):
        key = demo.get("FAREGATE_API_KEY")
    return Target(url, key)


def _request(
    target: Target, method: str, path: str, body: bytes | None
) -> http.client.HTTPResponse:
    parts = urlsplit(target.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FaregateError(
            f"{target.url!r} is not an address", fix=f"give one such as {DEFAULT_URL}"
        )
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
    headers = {"Content-Type": "application/json"}
    if target.key:
        headers["Authorization"] = f"Bearer {target.key}"
    try:
        connection.request(method, parts.path + path, body, headers)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise FaregateError(
            f"no answer from {target.url}: {error}",
            fix="start the gate with 'faregate serve', or name its address with --url",
        ) from None


def _first_model(target: Target) -> str:
    with _request(target, "GET", "/v1/models", None) as reply:
        text = reply.read()
    if reply.status != 200:
        raise Refused(explain(reply.status, text, reply.headers.get("Faregate-Call-Id")))
    models = json.loads(text).get("data")
    if not models:
        raise FaregateError("this gate has no model for this key", fix="see 'faregate models list'")
    return str(models[0]["id"])


def _send(target: Target, body: dict[str, Any], told: Told, *, as_json: bool) -> Iterator[str]:
    """The pieces to print, as they come; fills in `told`."""
    begun = time.monotonic()
    with _request(target, "POST", "/v1/chat/completions", json.dumps(body).encode()) as reply:
        told.call_id = reply.headers.get("Faregate-Call-Id")
        if reply.status != 200:
            raise Refused(explain(reply.status, reply.read(), told.call_id))
        told.first_byte_s = time.monotonic() - begun
        if reply.headers.get_content_type() == "text/event-stream":
            yield from _stream(reply, told, as_json=as_json)
        else:
            text = reply.read()
            answer = json.loads(text)
            told.usage = answer.get("usage") or {}
            yield text.decode().strip() if as_json else _content(answer, "message")
    told.total_s = time.monotonic() - begun


def _stream(reply: Iterable[bytes], told: Told, *, as_json: bool) -> Iterator[str]:
    newline = ""
    for line in reply:
        if not line.startswith(b"data:") or line[5:].strip() == b"[DONE]":
            continue
        event = json.loads(line[5:])
        if "error" in event:
            raise Refused(["", *explain(0, line[5:], told.call_id)])
        told.usage = event.get("usage") or told.usage
        if as_json:
            yield newline + line[5:].decode().strip()
            newline = "\n"
        else:
            yield _content(event, "delta")


def _content(answer: dict[str, Any], part: str) -> str:
    return "".join(choice[part].get("content") or "" for choice in answer.get("choices") or ())


def explain(status: int, body: bytes, call_id: str | None) -> list[str]:
    """A refusal, or a provider's own error, as lines for a person."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": body[:500].decode(errors="replace")}
    error = problem.get("error")
    if not isinstance(error, dict):
        error = {"message": error}
    title = problem.get("title") or error.get("message") or "The call failed"
    marks = [problem.get("code") or error.get("code"), status or problem.get("status")]
    marked = ", ".join(str(mark) for mark in marks if mark)
    lines = [f"error: {title}" + (f" ({marked})" if marked else "")]
    if problem.get("detail") and problem["detail"] != title:
        lines.append(f"  {problem['detail']}")
    if problem.get("side") in SIDES:
        lines.append(f"side: {problem['side']}: {SIDES[problem['side']]}")
    lines += [line for fix in problem.get("fixes") or () for line in _fix_lines(fix)]
    known = call_id or problem.get("call_id")
    if known:
        lines.append(f"call: {known} (faregate calls show {known})")
    return lines


def _harmless(text: str) -> str:
    """The text without what a terminal would obey; a model may have been talked into it."""
    return "".join(mark for mark in text if mark.isprintable() or mark in "\n\t")


def _fix_lines(fix: Any) -> list[str]:
    if not isinstance(fix, dict):
        return [f"fix: {fix}"]
    ways = [fix[name] for name in ("text", "command", "url") if fix.get(name)]
    return [f"fix: {ways[0]}", *(f"  {way}" for way in ways[1:])] if ways else []
