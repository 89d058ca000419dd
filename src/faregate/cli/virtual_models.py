"""faregate virtual-models: names of one's own over several models."""

from typing import Annotated, Any

import msgspec
import typer

from faregate.cli.output import DryRunOption, JsonOption, print_json, print_preview, print_table
from faregate.cli.session import actor, opened
from faregate.configuration.document import Document, Fallbacks, VirtualModel
from faregate.core.errors import FaregateError

app = typer.Typer(
    name="virtual-models",
    help="Add, show and remove names over several models.",
    no_args_is_help=True,
)

NameArgument = Annotated[str, typer.Argument(help="The virtual model's name.")]
AliasOption = Annotated[
    list[str] | None, typer.Option("--alias", help="One more name, again for more.")
]
FallbackOption = Annotated[
    list[str] | None,
    typer.Option(help="A model that serves when no target could; again for more."),
]
ContextOption = Annotated[
    list[str] | None,
    typer.Option(help="A model for requests that are too long; again for more."),
]
ContentOption = Annotated[
    list[str] | None,
    typer.Option(help="A model for requests that content rules refuse; again for more."),
]
CanaryOption = Annotated[
    str | None, typer.Option(help="A model to try, and its share: NAME=PERCENT.")
]
ShadowOption = Annotated[
    str | None, typer.Option(help="A model that gets copies: NAME or NAME=PERCENT.")
]


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """List the names over several models, and what serves each.

    Example: faregate virtual-models list
    """
    with opened() as installation:
        found = installation.revisions.written()[1].virtual_models
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("There are no virtual models; 'faregate virtual-models add' adds one.")
        return
    print_table(
        ("NAME", "ALIASES", "STRATEGY", "SERVED BY", "THEN BY"),
        [
            (
                one.name,
                ", ".join(one.aliases),
                one.strategy,
                ", ".join(target.model for target in one.targets),
                ", ".join(one.fallbacks.failure),
            )
            for one in found
        ],
    )


@app.command()
def show(name: NameArgument, as_json: JsonOption = False) -> None:
    """Show all that is said of a virtual model, as in faregate.yaml.

    Example: faregate virtual-models show smart
    """
    from faregate.configuration.export import export  # here, for it loads YAML

    with opened() as installation:
        found = _find(installation.revisions.written()[1], name)
    if as_json:
        print_json(found)
        return
    text = export(Document(virtual_models=(found,)))
    typer.echo(text[text.index("virtual_models:") :], nl=False)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name that callers use.")],
    target: Annotated[
        list[str],
        typer.Option(help="A model that serves it, as NAME or NAME=WEIGHT; again for more."),
    ],
    strategy: Annotated[
        str,
        typer.Option(
            help="Who is asked first: priority, weighted, least_latency, least_busy, least_cost "
            "or sticky."
        ),
    ] = "priority",
    fallback: FallbackOption = None,
    context_fallback: ContextOption = None,
    content_fallback: ContentOption = None,
    canary: CanaryOption = None,
    shadow: ShadowOption = None,
    alias: AliasOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in the place of the one of this name.")
    ] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a name over several models.

    Conditions and the rest are written in faregate.yaml.

    Example: faregate virtual-models add smart --target claude --target gpt --fallback local
    """
    tree: dict[str, Any] = {
        "name": name,
        "aliases": alias or [],
        "strategy": strategy,
        "targets": [_shared(one, "weight", int) for one in target],
        "fallbacks": _fallbacks(fallback, context_fallback, content_fallback),
    }
    if canary is not None:
        tree["canary"] = _shared(canary, "percent", float)
    if shadow is not None:
        tree["shadow"] = _shared(shadow, "percent", float)
    made = _made(tree)

    def change(document: Document) -> Document:
        return _with(document, made, replace=replace)

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"added the virtual model {name}")
    if as_json:
        print_json({"revision": number, "virtual_model": made})
    else:
        served = ", ".join(one.model for one in made.targets)
        typer.echo(f"Added {name}, served by {served}; revision {number} is in force.")


@app.command()
def remove(name: NameArgument, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Remove a name over several models; gates refuse it within a second.

    Example: faregate virtual-models remove smart
    """

    def change(document: Document) -> Document:
        gone = _find(document, name)
        return msgspec.structs.replace(
            document, virtual_models=tuple(one for one in document.virtual_models if one != gone)
        )

    with opened() as installation:
        if dry_run:
            print_preview(*installation.revisions.preview_edit(change), as_json=as_json)
            return
        number = installation.revisions.edit(change, actor(), f"removed the virtual model {name}")
    if as_json:
        print_json({"revision": number, "removed": name})
    else:
        typer.echo(f"Removed {name}; revision {number} is in force.")


def _fallbacks(*kinds: list[str] | None) -> dict[str, list[str]]:
    """The names for each kind of trouble."""
    fields = zip(Fallbacks.__struct_fields__, kinds, strict=True)
    return {field: names or [] for field, names in fields}


def _made(tree: dict[str, Any]) -> VirtualModel:
    try:
        return msgspec.convert(tree, VirtualModel)
    except msgspec.ValidationError as error:
        raise FaregateError(
            f"{tree['name']!r} can't be added: {error}",
            fix="'faregate virtual-models add --help' says what can be given",
        ) from error


def _find(document: Document, name: str) -> VirtualModel:
    for one in document.virtual_models:
        if one.name == name:
            return one
    raise FaregateError(
        f"there is no virtual model {name!r}",
        fix="'faregate virtual-models list' shows them",
    )


def _with(document: Document, made: VirtualModel, *, replace: bool) -> Document:
    others = [one.name for one in document.virtual_models]
    if made.name not in others:
        return msgspec.structs.replace(document, virtual_models=(*document.virtual_models, made))
    if not replace:
        raise FaregateError(
            f"there is a virtual model {made.name!r} already",
            fix="choose another name, or give --replace",
        )
    return msgspec.structs.replace(
        document,
        virtual_models=tuple(
            made if one.name == made.name else one for one in document.virtual_models
        ),
    )


def _shared(text: str, field: str, number: type[int] | type[float]) -> dict[str, Any]:
    """NAME or NAME=SHARE as the fields that it means."""
    model, sign, share = text.partition("=")
    if not sign:
        return {"model": model}
    try:
        return {"model": model, field: number(share)}
    except ValueError:
        raise FaregateError(
            f"{share!r} in {text!r} is no {field}", fix=f"write it as {model}=5"
        ) from None
