"""faregate providers: contracts with vendors."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from faregate.cli.output import (
    DryRunOption,
    JsonOption,
    count_of,
    print_json,
    print_preview,
    print_table,
)
from faregate.cli.owned import owned_name
from faregate.cli.provider_keys import (
    KeyEnvOption,
    KeyStdinOption,
    find_provider,
    given_key,
    key_kind,
)
from faregate.cli.provider_keys import app as keys_app
from faregate.cli.provider_status import balance, reset, status
from faregate.cli.session import actor, checked_name, clear_document, opened, record
from faregate.configuration.accounts import account_keys, shown_url
from faregate.configuration.document import Document, Provider
from faregate.core.errors import FaregateError
from faregate.providers.environment import first_variables
from faregate.providers.vendors import VENDORS

if TYPE_CHECKING:
    from faregate.cli.provider_probe import Report

app = typer.Typer(
    name="providers", help="Add, list, test and remove providers.", no_args_is_help=True
)
app.add_typer(keys_app)
app.command()(status)
app.command()(reset)
app.command()(balance)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Its name in this installation.")],
    vendor: Annotated[
        str | None,
        typer.Option(
            help="Whose API it is, as 'faregate providers vendors' lists them; without it and "
            "--base-url, the one that NAME is.",
            show_default=False,
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Its API's address, with the version; without it, the vendor's own."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            help="What the vendor's address needs, as region=eu-west-1; again for more.",
        ),
    ] = None,
    key_env: KeyEnvOption = None,
    key_stdin: KeyStdinOption = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the provider of this name, if there is one.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a provider; its key is kept sealed, and never shown.

    Example: faregate providers add openai --key-env OPENAI_API_KEY
    """
    place = f"providers[{name}].api_key"
    given = _given(name, vendor, base_url, option, replace=replace)
    key = given_key(name, key_env, from_stdin=key_stdin)
    with opened() as installation:
        revisions = installation.revisions
        if key is not None:
            given["api_key"] = key if key_env else revisions.seal(key, place)

        def change(document: Document) -> Document:
            return _with_provider(document, name, given, replace=replace)

        if dry_run:
            told = revisions.preview_edit(change, renewed=frozenset({place}))
            print_preview(*told, as_json=as_json)
            return
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
            "base_url": shown_url(one),
            "key": _key_kind(one),
            "keys": [key.name for key in account_keys(one)],
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
                shown_url(one),
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
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a provider and its key.

    Example: faregate providers remove openai --with-models
    """

    def change(document: Document) -> Document:
        return _without_provider(document, name, with_models=with_models)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
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
    key: Annotated[
        str | None, typer.Option("--key", help="Only with the key of this name.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a tiny real call with each key and model.

    It explains what comes back.

    It asks for a few tokens, which the provider bills; a provider without models is asked for its
    list instead. The exit status is 1 when something doesn't work.

    Example: faregate providers test openai
    """
    from faregate.cli.provider_probe import probe_all

    # Elsewhere, keys at vendors never leave the installation.
    document = clear_document("faregate providers test")
    if name is not None:
        find_provider(document, name)
    reports = probe_all(document, name, key=key, model=model)
    if not reports and (key or model):
        raise FaregateError(
            "no provider has this key and model", fix="'faregate providers list' shows them"
        )
    for report in reports:
        told = "/".join(part for part in (report.key, report.model) if part)
        record(
            "providers.test",
            "providers",
            report.name,
            outcome="done" if report.works else "failed",
            detail=f"{told or 'its list of models'}: {report.result}",
        )
    if as_json:
        print_json(reports)
    elif not reports:
        typer.echo("There are no providers; 'faregate providers add' adds one.")
    else:
        for report in reports:
            typer.echo(_told(report))
            if report.fix:
                typer.echo(f"  fix: {report.fix}")
    if not all(report.works for report in reports):
        raise typer.Exit(1)


def _told(report: "Report") -> str:
    whole = [report.name, *(part for part in (report.key, report.model) if part)]
    state = "works" if report.works else "does not work"
    numbers = []
    if report.first_byte_ms is not None:
        numbers.append(f"first byte after {report.first_byte_ms / 1_000:.2f} s")
    if report.input_tokens is not None or report.output_tokens is not None:
        numbers.append(f"{report.input_tokens or 0} + {report.output_tokens or 0} tokens")
    if report.works and report.model is not None and report.result == "ok":
        numbers.append("price not known" if report.cost is None else f"${report.cost}")
    return f"{' / '.join(whole)} {state}: {', '.join((report.message, *numbers))}"


def _given(
    name: str,
    vendor: str | None,
    base_url: str | None,
    option: list[str] | None,
    *,
    replace: bool,
) -> dict[str, Any]:
    """What the options say of a provider, but its key."""
    _, team = owned_name(name, None)
    local = name.rpartition("/")[2]
    given: dict[str, Any] = {} if team is None else {"team": team}
    if vendor:
        given["vendor"] = checked_name(vendor)
    elif base_url is None and local in VENDORS and not replace:
        given["vendor"] = local
    if base_url is not None:
        given["base_url"] = base_url
    if option:
        given["options"] = dict(map(_option, option))
    return given


def _option(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise FaregateError(
            f"the option {text!r} has no value", fix="write it as NAME=VALUE: region=eu-west-1"
        )
    return name, value


def _with_provider(
    document: Document, name: str, given: dict[str, Any], *, replace: bool
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
    find_provider(document, name)
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
    keys = account_keys(provider)
    if len(keys) > 1:
        return count_of(len(keys), "key")
    return key_kind(keys[0].secret) if keys else "none"
