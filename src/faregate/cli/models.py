"""faregate models: the names that callers ask for."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

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
from faregate.cli.session import actor, opened
from faregate.configuration.document import Document, Model
from faregate.configuration.names import ModelName
from faregate.configuration.tenancy import team_named
from faregate.core.errors import FaregateError
from faregate.core.money import parse_amount
from faregate.storage.home import Home

if TYPE_CHECKING:
    from faregate.catalogue.facts import ModelFacts
    from faregate.catalogue.library import Library

app = typer.Typer(
    name="models", help="Add, list and remove models; search the catalogue.", no_args_is_help=True
)


_Vendor = Annotated[str | None, typer.Option(help="Of the catalogue: a vendor, such as openai.")]


@app.command("list")
def list_command(
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="The models that Faregate knows, not those in use.")
    ] = False,
    vendor: _Vendor = None,
    can: Annotated[
        str | None, typer.Option(help="Of the catalogue: abilities, such as vision,tools.")
    ] = None,
    max_price: Annotated[
        str | None,
        typer.Option(help="Of the catalogue: dollars for a million input tokens at most."),
    ] = None,
    match: Annotated[str | None, typer.Option(help="Of the catalogue: a part of the name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the models, their aliases, and what serves them; or the catalogue.

    Any of --vendor, --can, --max-price and --match searches the catalogue, the cheapest first,
    without a network or a data folder.

    Example: faregate models list --vendor openai --can vision,tools --max-price 1.00
    """
    if catalogue or vendor or can or match or max_price is not None:
        _list_catalogue(vendor, can, max_price, match, as_json)
        return
    with opened() as installation:
        document = installation.revisions.written()[1]
    models = document.models
    if as_json:
        print_json(models)
        return
    if not models:
        typer.echo("There are no models; 'faregate models add NAME --provider P' adds one.")
        return
    print_table(
        ("MODEL", "ALIASES", "PROVIDER", "ITS NAME THERE"),
        [
            (one.name, ", ".join(one.aliases), one.provider, one.upstream_model or one.name)
            for one in models
        ],
    )
    warn_of_retirements(document)


def _list_catalogue(
    vendor: str | None, can: str | None, max_price: str | None, match: str | None, as_json: bool
) -> None:
    from faregate.catalogue.facts import abilities
    from faregate.cli import model_facts

    wanted = [word.strip() for word in (can or "").split(",") if word.strip()]
    for word in wanted:
        if word not in abilities():
            raise FaregateError(
                f"there is no ability {word!r}",
                fix=f"abilities are {', '.join(sorted(abilities()))}",
            )
    most = None if max_price is None else _amount(max_price)
    found = _library().search(
        match or "", vendor=vendor, can=wanted, input_nano_max=most, on=_today()
    )
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("No model of the catalogue is like that.")
        return
    print_table(model_facts.HEADS, [model_facts.row(facts, _today()) for facts in found])
    typer.echo(f"{count_of(len(found), 'model')}; prices are dollars for a million tokens.")


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A model in use, or of the catalogue: NAME or VENDOR/NAME.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what is known of a model, and where that is from.

    Its limits, abilities and prices, and when it retires.

    Example: faregate models show anthropic/claude-opus-4-8
    """
    from faregate.cli import model_facts

    facts = model_facts.only(_named(name), name)
    if as_json:
        print_json(facts)
        return
    told = list(model_facts.lines(facts, _today()))
    width = max(len(what) for what, _ in told)
    for what, value in told:
        typer.echo(f"{what.ljust(width)}  {value}")


def warn_of_retirements(document: Document) -> None:
    """Say on stderr which models in use retire soon, or have."""
    from faregate.configuration.completion import retirements

    for sentence in retirements(document, _today()):
        typer.echo(f"warning: {sentence}", err=True)


def _named(name: str) -> "list[ModelFacts]":
    """What the catalogue has by a name: of a model in use, of a vendor, or of any."""
    library = _library()
    used = _used(name)
    if used is not None:
        facts = library.find(*used)
        return [] if facts is None else [facts]
    vendor, _, model = name.partition("/")
    facts = library.find(vendor, model) if model else None
    if facts is not None:
        return [facts]
    wanted = name.lower()
    return [facts for facts in library.all_models() if facts.model.lower() == wanted]


def _used(name: str) -> tuple[str, str] | None:
    """Vendor and name there of a model of this installation."""
    document = _document()
    vendors = {provider.name: provider.vendor for provider in document.providers}
    for model in document.models:
        if name in (model.name, *model.aliases) and model.provider in vendors:
            return vendors[model.provider], model.upstream_model or model.name
    return None


def _library() -> "Library":
    from faregate.configuration.completion import open_library

    return open_library(_document().settings.catalogue.file)


def _document() -> Document:
    """The configuration in force; empty where there is no installation."""
    if not Home.from_environment().exists:
        return Document()
    with opened() as installation:
        return installation.revisions.written()[1]


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name that callers use.")],
    provider: Annotated[str, typer.Option(help="The provider that serves it.")],
    upstream_model: Annotated[
        str | None, typer.Option(help="The provider's name for it; without it, the same.")
    ] = None,
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="One more name, again for more.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a model that callers may ask for.

    Example: faregate models add fast --provider openai --upstream-model gpt-6-luna
    """
    for one in (name, *(alias or ())):
        _check(one)
    model = Model(
        name=name, provider=provider, upstream_model=upstream_model, aliases=tuple(alias or ())
    )

    def change(document: Document) -> Document:
        owner = team_named(name, {team.name for team in document.teams})
        owned = msgspec.structs.replace(model, team=owner)
        return msgspec.structs.replace(document, models=(*document.models, owned))

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"added the model {name}")
    if as_json:
        print_json({"revision": number, "model": model})
    else:
        typer.echo(f"Added {name}, served by {provider}; revision {number} is in force.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a model with its aliases; gates refuse it within a second.

    Example: faregate models remove fast
    """

    def change(document: Document) -> Document:
        models = tuple(model for model in document.models if model.name != name)
        if len(models) == len(document.models):
            raise FaregateError(
                f"there is no model {name!r}", fix="'faregate models list' shows the models"
            )
        return msgspec.structs.replace(document, models=models)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"removed the model {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")


def _amount(text: str) -> int:
    try:
        return parse_amount(text)
    except ValueError as error:
        raise FaregateError(
            f"{text!r} is no price: {error}", fix="write dollars as 1.50"
        ) from error


def _check(name: str) -> None:
    try:
        msgspec.convert(name, ModelName)
    except msgspec.ValidationError as error:
        raise FaregateError(
            f"{name!r} can't be the name of a model",
            fix="use 1 to 200 letters, digits and '._:/@+-', beginning with a letter or digit",
        ) from error
