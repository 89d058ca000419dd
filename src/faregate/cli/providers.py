"""faregate providers: contracts with vendors."""

import sys
from typing import Annotated

import msgspec
import typer

from faregate.cli.output import JsonOption, count_of, print_json, print_table
from faregate.cli.session import actor, checked_name, opened
from faregate.configuration.accounts import api_url
from faregate.configuration.document import Document, Provider
from faregate.configuration.references import is_sealed
from faregate.core.errors import FaregateError
from faregate.providers.environment import first_variables
from faregate.providers.vendors import VENDORS

app = typer.Typer(
    name="providers", help="Add, list, test and remove providers.", no_args_is_help=True
)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name in this installation.")],
    base_url: Annotated[str, typer.Option(help="Its API's address, with the version.")],
    vendor: Annotated[
        str | None, typer.Option(help="Whose API it is: openai, groq ...", show_default=False)
    ] = None,
    key_env: Annotated[
        str | None, typer.Option(help="Environment variable with its key; it is read now.")
    ] = None,
    key_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read its key from stdin, or ask for it.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the provider of this name, if there is one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a provider; its key is kept sealed, and never shown.

    Example: faregate providers add openai --base-url https://api.openai.com/v1 --key-env OPENAI_KEY
    """
    if key_env and key_stdin:
        raise FaregateError("the key is given twice", fix="give --key-env or --key-stdin, not both")
    checked_name(name)
    place = f"providers[{name}].api_key"
    given: dict[str, str] = {"base_url": base_url}
    if vendor:
        given["vendor"] = checked_name(vendor)
    secret = _read_secret(name) if key_stdin else None
    with opened() as installation:
        revisions = installation.revisions
        if key_env:
            given["api_key"] = f"${{env:{key_env}}}"
        elif secret:
            given["api_key"] = revisions.seal(secret, place)

        def change(document: Document) -> Document:
            return _with_provider(document, name, given, replace=replace)

        number = revisions.edit(
            change, actor(), f"added the provider {name}", renewed=frozenset({place})
        )
    if as_json:
        print_json({"revision": number, "provider": name})
        return
    typer.echo(f"Added {name}; revision {number} is in force.")
    typer.echo(f"Try it: faregate providers test {name}")


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the providers and where their keys are from; keys are never shown.

    Example: faregate providers list
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    served: dict[str, list[str]] = {}
    for model in document.models:
        served.setdefault(model.provider, []).append(model.name)
    facts = [
        {
            "name": one.name,
            "vendor": one.vendor,
            "base_url": api_url(one),
            "key": _key_kind(one),
            "models": served.get(one.name, []),
        }
        for one in document.providers
    ]
    if as_json:
        print_json(facts)
        return
    if not facts:
        typer.echo("There are no providers; 'faregate providers add' adds one.")
        return
    print_table(
        ("NAME", "VENDOR", "ADDRESS", "KEY", "MODELS"),
        [
            (
                one.name,
                one.vendor,
                api_url(one),
                _key_kind(one),
                count_of(len(served.get(one.name, [])), "model"),
            )
            for one in document.providers
        ],
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The provider's name.")],
    with_models: Annotated[
        bool, typer.Option("--with-models", help="Remove the models that it serves, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a provider and its key.

    Example: faregate providers remove openai --with-models
    """

    def change(document: Document) -> Document:
        return _without_provider(document, name, with_models=with_models)

    with opened() as installation:
        number = installation.revisions.edit(change, actor(), f"removed the provider {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")


@app.command()
def vendors(
    search: Annotated[
        str | None, typer.Argument(help="Only those whose name or title has this.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the vendors that Faregate knows, and how each is reached.

    Example: faregate providers vendors mistral
    """
    rows = [
        row
        for row in VENDORS.values()
        if search is None or search.lower() in f"{row.name} {row.title}".lower()
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        raise FaregateError(
            f"no vendor is called {search!r}",
            fix="one that speaks OpenAI's format is served as openai_compatible",
        )
    print_table(
        ("VENDOR", "TITLE", "ADDRESS", "GENERATES IN", "KEY FROM", "CHECKED"),
        [
            (
                row.name,
                row.title,
                row.base_url or "-",
                ", ".join(row.dialects.get("generate", ())) or "-",
                ", ".join(first_variables(row)) or "-",
                row.checked,
            )
            for row in rows
        ],
    )


@app.command("test")
def probe_command(
    name: Annotated[
        str | None, typer.Argument(help="The provider's name; without it, all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask providers for their list of models, and explain what comes back.

    It costs nothing: no model is called. The exit status is 1 when one of them doesn't work.

    Example: faregate providers test openai
    """
    from faregate.cli.provider_probe import probe_all

    with opened() as installation:
        document = installation.revisions.current().clear
    if name is not None:
        _find(document, name)
    reports = probe_all(document, name)
    if as_json:
        print_json(reports)
    elif not reports:
        typer.echo("There are no providers; 'faregate providers add' adds one.")
    else:
        for report in reports:
            state = "works" if report.works else "does not work"
            typer.echo(f"{report.name} {state}: {report.message}")
            if report.fix:
                typer.echo(f"  fix: {report.fix}")
    if not all(report.works for report in reports):
        raise typer.Exit(1)


def _read_secret(name: str) -> str:
    if sys.stdin.isatty():
        secret: str = typer.prompt(f"Key of {name}", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline()
    secret = secret.strip()
    if not secret:
        raise FaregateError("no key came from stdin", fix="pipe the key in, on one line")
    return secret


def _find(document: Document, name: str) -> Provider:
    for provider in document.providers:
        if provider.name == name:
            return provider
    raise FaregateError(
        f"there is no provider {name!r}", fix="'faregate providers list' shows the providers"
    )


def _with_provider(
    document: Document, name: str, given: dict[str, str], *, replace: bool
) -> Document:
    names = [provider.name for provider in document.providers]
    if name not in names:
        provider = msgspec.convert({"name": name, **given}, Provider)
        return msgspec.structs.replace(document, providers=(*document.providers, provider))
    if not replace:
        raise FaregateError(
            f"there is a provider {name!r} already", fix="choose another name, or give --replace"
        )
    providers = tuple(
        msgspec.structs.replace(one, **given) if one.name == name else one
        for one in document.providers
    )
    return msgspec.structs.replace(document, providers=providers)


def _without_provider(document: Document, name: str, *, with_models: bool) -> Document:
    _find(document, name)
    served = [model.name for model in document.models if model.provider == name]
    if served and not with_models:
        raise FaregateError(
            f"{name} serves {', '.join(served)}",
            fix="give --with-models to remove these too, or let another provider serve them",
        )
    return msgspec.structs.replace(
        document,
        providers=tuple(one for one in document.providers if one.name != name),
        models=tuple(one for one in document.models if one.provider != name),
    )


def _key_kind(provider: Provider) -> str:
    if provider.api_key is None:
        return "none"
    return "sealed" if is_sealed(provider.api_key) else provider.api_key
