"""faregate keys: callers' keys."""

import datetime as dt
import json
import os
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from faregate.cli.output import (
    DryRunOption,
    JsonOption,
    moment,
    print_json,
    print_table,
    print_would,
)
from faregate.cli.owned import TeamFilter, TeamOption, owned_name, whole_name
from faregate.cli.session import actor, opened, record
from faregate.configuration.document import Document
from faregate.configuration.references import has_reference
from faregate.core.errors import FaregateError
from faregate.identity.keys import (
    PREFIX,
    KeyRecord,
    generate_key,
    hash_key,
    is_well_formed,
    shown_prefix,
)

if TYPE_CHECKING:
    from faregate.cli.ports import Installation

app = typer.Typer(name="keys", help="Make, list and revoke callers' keys.", no_args_is_help=True)

_UNITS: Final = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}
_NS: Final = 1_000_000_000


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who it is for, such as the application's name.")],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="A model that it may use, again for more; without it, all."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it stops working: 12h, 30d, 8w, or a date (UTC).")
    ] = None,
    application: Annotated[
        str | None, typer.Option(help="The application that it belongs to, whose wallet pays.")
    ] = None,
    team: TeamOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown now and never again; only its hash is kept.

    Standard output has the key alone, so KEY=$(faregate keys create my-app) works.

    With --team, names are the team's own: --team sales makes sales/web of web.

    Example: faregate keys create my-app --model gpt-6-luna --expires 90d
    """
    expires_ns = parse_expiry(expires, time.time_ns()) if expires else None
    name, team = owned_name(name, team)
    with opened() as installation:
        if dry_run:
            _refuse_new(installation, name, model, application, team)
            print_would(f"make the key {name}", {"name": name}, as_json=as_json)
            return
        made = installation.keys.create(
            name,
            actor(),
            frozenset(model) if model else None,
            expires_ns,
            application=application,
            team=team,
        )
        document = installation.revisions.written()[1]
    record("keys.show", "keys", made.record.name, detail="the key was shown when it was made")
    if as_json:
        print_json({**_facts(made.record), "key": made.secret})
        return
    typer.echo(made.secret)
    _explain(f"This is the key of {name}. It is shown only now; keep it safe.")
    if expires_ns is not None:
        _explain(f"It stops working at {moment(expires_ns)}.")
    _explain(f"\nTry it while 'faregate serve' runs:\n\n{_curl(document, made.secret, model)}")


def _explain(text: str) -> None:
    """To standard error, so that `$(faregate keys create NAME)` is the key alone."""
    typer.echo(text, err=True)


@app.command("list")
def list_command(
    every: Annotated[bool, typer.Option("--all", help="Revoked keys too.")] = False,
    team: TeamFilter = None,
    application: Annotated[
        str | None, typer.Option(help="Only of this application, by its whole name.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the keys with their state, oldest first.

    Example: faregate keys list --all --team sales
    """
    now_ns = time.time_ns()
    with opened() as installation:
        entries = [
            entry
            for entry in installation.keys.list()
            if (every or entry.record.state(now_ns) != "revoked")
            and team in (None, entry.record.team)
            and application in (None, entry.record.application)
        ]
    if as_json:
        print_json([{**_facts(entry.record), "source": entry.source} for entry in entries])
        return
    if not entries:
        typer.echo("There are no keys; 'faregate keys create NAME' makes one.")
        return
    print_table(
        ("NAME", "STATE", "APPLICATION", "KEY", "MODELS", "EXPIRES", "FROM", "ID"),
        [
            (
                entry.record.name,
                entry.record.state(now_ns),
                entry.record.application or "",
                f"{entry.record.prefix}..." if entry.record.prefix else "",
                "all" if entry.record.models is None else ", ".join(sorted(entry.record.models)),
                moment(entry.record.expires_ns) or "never",
                entry.source,
                entry.record.key_id,
            )
            for entry in entries
        ],
    )


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its name, its id, its first characters, or itself.")],
    team: TeamOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key for good; gates refuse it within a second.

    Example: faregate keys revoke my-app
    """
    if not key.startswith((PREFIX, "key_")):
        key = whole_name(key, team)
    with opened() as installation:
        if dry_run:
            found = _find_key(installation, key)
            state = found.state(time.time_ns())
            told = f"revoke {found.name} ({found.key_id}), which is {state}"
            print_would(told, _facts(found), as_json=as_json)
            return
        record, was_active = installation.keys.revoke(key, actor())
    if as_json:
        print_json({**_facts(record), "changed": was_active})
    elif was_active:
        typer.echo(f"Revoked {record.name} ({record.key_id}).")
    else:
        typer.echo(f"{record.name} ({record.key_id}) was revoked {moment(record.revoked_ns)}.")


@app.command()
def generate(as_json: JsonOption = False) -> None:
    """Make a key for faregate.yaml: its hash is printed, nothing is kept.

    Standard output has the key alone, for the variable that the file names.

    Example: faregate keys generate
    """
    secret = generate_key()
    hashed = f"sha256:{hash_key(secret).hex()}"
    if as_json:
        print_json({"key": secret, "secret": hashed, "prefix": shown_prefix(secret)})
        return
    typer.echo(secret)
    _explain(
        "This is the key; it is shown only now. For faregate.yaml:\n\n"
        f"keys:\n  - name: NAME\n    secret: {hashed}\n    prefix: {shown_prefix(secret)}"
    )


def parse_expiry(text: str, now_ns: int) -> int:
    """A duration from `now_ns`, or a date, as nanoseconds since 1970."""
    if found := re.fullmatch(r"([1-9]\d{0,5})([hdw])", text):
        return now_ns + int(found[1]) * _UNITS[found[2]] * _NS
    try:
        when = dt.datetime.fromisoformat(text)
        return int(when.replace(tzinfo=when.tzinfo or dt.UTC).timestamp()) * _NS
    except (ValueError, OverflowError) as error:
        raise FaregateError(
            f"{text!r} is not a time", fix="write 12h, 30d, 8w, 2027-01-31 or 2027-01-31T12:00Z"
        ) from error


def _refuse_new(
    installation: "Installation",
    name: str,
    models: list[str] | None,
    application: str | None,
    team: str | None,
) -> None:
    """Raise `FaregateError` where a key of this name can't be made."""
    document = installation.revisions.written()[1]
    known = [known for one in document.models for known in (one.name, *one.aliases)]
    known += [one.name for one in document.virtual_models]
    for model in models or ():
        if model not in known and whole_name(model, team) not in known:
            raise FaregateError(
                f"there is no model {model!r}", fix="'faregate models list' shows the models"
            )
    names = {one.name for one in document.applications}
    if application is not None and not {application, whole_name(application, team)} & names:
        raise FaregateError(
            f"there is no application {application!r}",
            fix="'faregate applications list' shows the applications",
        )
    records = (entry.record for entry in installation.keys.list())
    if any(one.name == name and one.revoked_ns is None for one in records):
        raise FaregateError(
            f"there is a key {name!r} already",
            fix=f"choose another name, or run 'faregate keys revoke {name}' first",
        )


def _find_key(installation: "Installation", selector: str) -> KeyRecord:
    """The key that `revoke` would take; the newest of several revoked ones."""
    shown = shown_prefix(selector) if is_well_formed(selector) else selector
    records = [entry.record for entry in installation.keys.list()]
    found = [one for one in records if selector in (one.name, one.key_id)]
    if not found and shown.startswith(PREFIX):
        found = [one for one in records if one.prefix.startswith(shown)]
    found = [one for one in found if one.revoked_ns is None] or found[-1:]
    if not found:
        raise FaregateError(f"there is no key {shown!r}", fix="'faregate keys list' shows the keys")
    if len(found) > 1:
        raise FaregateError(
            f"{shown!r} may mean {', '.join(one.key_id for one in found)}", fix="name one of these"
        )
    return found[0]


def _facts(record: KeyRecord) -> dict[str, Any]:
    return {
        "key_id": record.key_id,
        "name": record.name,
        "prefix": record.prefix,
        "state": record.state(time.time_ns()),
        "application": record.application,
        "team": record.team,
        "models": None if record.models is None else sorted(record.models),
        "created_at": moment(record.created_ns),
        "expires_at": moment(record.expires_ns),
        "revoked_at": moment(record.revoked_ns),
    }


def _curl(document: Document, secret: str, models: list[str] | None) -> str:
    gate = document.settings.gate
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(gate.host, gate.host)  # noqa: S104
    if has_reference(host):
        host = "127.0.0.1"
    scheme = "https" if gate.tls else "http"
    address = f"[{host}]" if ":" in host else host
    port = os.environ.get("FAREGATE_PORT") or gate.port
    names = models or [model.name for model in document.models] or ["MODEL"]
    body = json.dumps({"model": names[0], "messages": [{"role": "user", "content": "Hello"}]})
    return (
        f"curl {scheme}://{address}:{port}/v1/chat/completions \\\n"
        f"  -H 'Authorization: Bearer {secret}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )
