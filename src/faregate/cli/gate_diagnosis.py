"""faregate diagnose, of a call: asks the gate, and shows its phases."""

import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import typer

from faregate.calllog.account import printable
from faregate.cli.call import explain, find_target
from faregate.cli.output import print_json
from faregate.core.errors import FaregateError
from faregate.identity.operator import operator_token
from faregate.storage.home import Home
from faregate.supervisor.lock import holder

TIMEOUT_S: Final = 30.0
_REQUEST_BYTES_MAX: Final = 32 * 1024 * 1024
_MARKS: Final = {"passed": "✓", "refused": "✗", "not_reached": "·", "not_applicable": "-"}
_HIDDEN_NUMBERS: Final = frozenset(("code",))


class Wish(msgspec.Struct, frozen=True):
    """The call to diagnose, as the command line says it."""

    key: str | None = None
    api_key: str | None = None
    url: str | None = None
    path: str = "/v1/chat/completions"
    model: str | None = None
    prompt: str = "Hello"
    max_tokens: int | None = None
    stream: bool = False
    request: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def diagnose_call(wish: Wish, *, as_json: bool) -> None:
    """Print what would become of the call; raises `FaregateError`."""
    told = _ask(*_target(wish), question(wish))
    if as_json:
        print_json(told)
    else:
        for line in lines(told):
            typer.echo(printable(line))
    if told.get("would") != "pass":
        raise typer.Exit(1)


def question(wish: Wish) -> dict[str, Any]:
    """The body of POST /v1/diagnose."""
    asked: dict[str, Any] = {"path": wish.path, "headers": dict(wish.headers)}
    if wish.key is not None:
        asked["key"] = wish.key
    if wish.request is not None:
        return asked | {"text": _read(wish.request)}
    if wish.model is None:
        raise FaregateError(
            "which model?", fix="give --model NAME, or a whole request with --request FILE"
        )
    body: dict[str, Any] = {"model": wish.model}
    if wish.path.endswith("/chat/completions"):
        body["messages"] = [{"role": "user", "content": wish.prompt}]
    else:
        body["input" if wish.path.endswith("/embeddings") else "prompt"] = wish.prompt
    if wish.max_tokens is not None:
        body["max_tokens"] = wish.max_tokens
    if wish.stream:
        body["stream"] = True
    return asked | {"body": body}


def _read(file: str) -> str:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(_REQUEST_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(_REQUEST_BYTES_MAX + 1)
        if len(data) > _REQUEST_BYTES_MAX:
            raise FaregateError(f"{file} is too large", fix="no gate takes more than 32 MiB")
        return data.decode()
    except OSError as error:
        raise FaregateError(
            f"{file} can't be read: {error.strerror}", fix="name a file, or - for standard input"
        ) from error
    except UnicodeDecodeError as error:
        raise FaregateError(f"{file} is not text in UTF-8", fix="give JSON") from error


def _target(wish: Wish) -> tuple[str, str]:
    """Where to ask, and as whom: as a caller, or as the operator of this data folder.

    The operator's token is only ever sent to the service that runs on this data folder.
    """
    if wish.api_key is not None and wish.key is not None:
        raise FaregateError(
            "--key and --api-key exclude each other",
            fix="--key NAME is the operator's; with --api-key you ask as that caller",
        )
    api_key = wish.api_key
    if api_key is None and wish.key is None:
        api_key = os.environ.get("FAREGATE_API_KEY") or None
    if api_key is not None:
        return find_target(wish.url, api_key).url, api_key
    home = Home.from_environment()
    home.require()
    running = (holder(home.run) or {}).get("url")
    if running is None:
        raise FaregateError(
            f"no service runs on {home.root}",
            fix="start it with 'faregate serve', name another folder with --home, or ask another "
            "gate as a caller with --url and --api-key",
        )
    if wish.url is not None and find_target(wish.url, "").url != find_target(running, "").url:
        raise FaregateError(
            f"{wish.url} is not the service of {home.root}, which runs at {running}",
            fix="leave --url out, or ask that gate as a caller with --api-key",
        )
    return find_target(running, "").url, operator_token(home.master_key())


def _ask(url: str, token: str, asked: dict[str, Any]) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise FaregateError(f"{url!r} is not an address", fix="give one such as http://host:8402")
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps(asked)
    try:
        connection.request("POST", f"{parts.path}/v1/diagnose", body, headers)
        reply = connection.getresponse()
        data = reply.read()
    except (OSError, http.client.HTTPException) as error:
        raise FaregateError(
            f"no answer from {url}: {error}",
            fix="look at 'faregate status'; start the gate with 'faregate serve'",
        ) from error
    finally:
        connection.close()
    if reply.status != http.client.OK:
        for line in explain(reply.status, data, reply.getheader("faregate-call-id")):
            typer.echo(printable(line), err=True)
        raise typer.Exit(1)
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    if not isinstance(told, dict) or "findings" not in told:
        raise FaregateError(f"{url} doesn't answer as a gate does", fix="check the address")
    return told


# -- for a person ---------------------------------------------------------------------------------


def lines(told: dict[str, Any]) -> list[str]:
    """The diagnosis as a waterfall of phases."""
    shown = [_verdict(told), ""]
    findings = told["findings"]
    policy_width = max((len(str(each["policy"])) for each in findings), default=0)
    last = None
    for finding in findings:
        phase = finding["phase"] if finding["phase"] != last else ""
        last = finding["phase"]
        mark = _MARKS.get(finding["verdict"], "?")
        policy = str(finding["policy"]).ljust(policy_width)
        shown.append(f"  {mark} {phase:<10} {policy}  {finding['detail']}{_numbers(finding)}")
    shown += ["", *_ceiling(told.get("price_ceiling"), told.get("output_limit_set"))]
    if told["would"] != "pass":
        shown += ["", *_ways_out(told)]
    return shown


def _verdict(told: dict[str, Any]) -> str:
    what = f"The call of {told['model'] or 'no model'}"
    if told.get("key"):
        what += f" with the key '{told['key']}'"
    if told["would"] == "pass":
        return f"{what} would pass."
    refusal = told["refusal"]
    return f"{what} would be refused: {told['status']} {told['code']}, {refusal['title']}."


def _numbers(finding: dict[str, Any]) -> str:
    numbers = finding.get("numbers") or {}
    told = [f"{name} {value}" for name, value in numbers.items() if name not in _HIDDEN_NUMBERS]
    return f" [{', '.join(told)}]" if told else ""


def _ceiling(ceiling: dict[str, Any] | None, limit_set: int | None) -> list[str]:
    if ceiling is None:
        return ["Price ceiling: not known"]
    if ceiling.get("included"):
        return ["Price ceiling: nothing; the call is within an included volume"]
    outputs = ceiling["output_tokens_max"]
    if outputs is None:
        told = "open: the stream ends where the credit does"
    else:
        told = f"{ceiling['amount']} {ceiling['currency']}"
    parts = [f"input up to {ceiling['input_tokens_max']:,} tokens"]
    if outputs is not None:
        parts.append(f"output up to {outputs:,}")
    if "held_first" in ceiling:
        parts.append(f"{ceiling['held_first']} {ceiling['currency']} held before it is sent")
    shown = [f"Price ceiling: {told} ({', '.join(parts)})"]
    if limit_set:
        shown.append(f"The gate would send the output limit {limit_set:,} along.")
    return shown


def _ways_out(told: dict[str, Any]) -> list[str]:
    changes = [_change(change) for change in told["changes"]]
    if told["passes_with_changes"]:
        head = (
            "It passes with this change:" if len(changes) == 1 else "It passes with all of these:"
        )
        shown = [head, *(f"  - {change}" for change in changes)]
        if told.get("depends_on_calls_in_flight"):
            shown.append("  if calls in flight don't use up what they hold")
        return shown
    fixes = told["refusal"].get("fixes") or ()
    shown = ["No change that a program could make lets it pass. What helps:"]
    return [*shown, *(f"  - {fix['text']}" for fix in fixes)]


def _change(change: dict[str, Any]) -> str:
    kind, name = change["kind"], change.get("name")
    if kind == "wait":
        return f"wait {change['seconds']} s"
    if kind == "set":
        return f"set {name} to {json.dumps(change['value'])}"
    if kind == "top_up":
        return f"top up the wallet '{name}' by {change['amount']} USD"
    return f"raise '{name}' to {change.get('amount') or change.get('value')}"
