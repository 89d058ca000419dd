"""faregate models: the names that callers ask for."""

from typing import Annotated

import msgspec
import typer

from faregate.cli.output import JsonOption, print_json, print_table
from faregate.cli.session import actor, opened
from faregate.configuration.document import Document, Model
from faregate.configuration.names import ModelName
from faregate.core.errors import FaregateError

app = typer.Typer(name="models", help="Add, list and remove models.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the models, their aliases, and what serves them.

    Example: faregate models list
    """
    with opened() as installation:
        models = installation.revisions.written()[1].models
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
    as_json: JsonOption = False,
) -> None:
    """Add a model that callers may ask for.

    Example: faregate models add fast --provider openai --upstream-model gpt-4.1-mini
    """
    for one in (name, *(alias or ())):
        _check(one)
    model = Model(
        name=name, provider=provider, upstream_model=upstream_model, aliases=tuple(alias or ())
    )

    def change(document: Document) -> Document:
        return msgspec.structs.replace(document, models=(*document.models, model))

    with opened() as installation:
        number = installation.revisions.edit(change, actor(), f"added the model {name}")
    if as_json:
        print_json({"revision": number, "model": model})
    else:
        typer.echo(f"Added {name}, served by {provider}; revision {number} is in force.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The model's name.")], as_json: JsonOption = False
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
        number = installation.revisions.edit(change, actor(), f"removed the model {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")


def _check(name: str) -> None:
    try:
        msgspec.convert(name, ModelName)
    except msgspec.ValidationError as error:
        raise FaregateError(
            f"{name!r} can't be the name of a model",
            fix="use 1 to 200 letters, digits and '._:/@+-', beginning with a letter or digit",
        ) from error
