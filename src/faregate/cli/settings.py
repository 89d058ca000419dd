"""faregate settings, and callers: the parts of which there is one."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Literal

import msgspec
import typer

from faregate.cli.assignments import (
    Assignment,
    assigned,
    part_of,
    read_assignment,
    read_part,
    read_path,
    renewed_places,
)
from faregate.cli.changing import (
    DraftOption,
    FileOption,
    Manner,
    MessageOption,
    Wanted,
    carry_out,
    read_file,
)
from faregate.cli.configuration_words import section_of
from faregate.cli.output import DryRunOption, JsonOption, print_json
from faregate.cli.session import opened
from faregate.configuration import settings as declared
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.configuration.export import yaml_text
from faregate.configuration.problems import label, nearest
from faregate.configuration.references import bare
from faregate.configuration.settings import Settings
from faregate.configuration.yaml_tree import Located
from faregate.control.descriptions import field_comments
from faregate.core.errors import MissingError

Part = Literal["settings", "callers"]
RESTART: Final = "(restart)"  # in the comment of a field that is read once, at start

app = typer.Typer(name="settings", help="Show and set settings.", no_args_is_help=True)
callers_app = typer.Typer(
    name="callers", help="Show and set how callers identify themselves.", no_args_is_help=True
)

_Path = Annotated[
    str | None,
    typer.Argument(metavar="[PATH]", help="Only this, as gate or gate.port.", show_default=False),
]
_Fields = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIELD=VALUE",
        help="A field and its value in YAML; FIELD= takes it back to its default.",
    ),
]


@app.command()
def show(path: _Path = None, as_json: JsonOption = False) -> None:
    """Show the settings in force, defaults too.

    Example: faregate settings show gate
    """
    _show("settings", path, as_json=as_json)


@app.command("set")
def set_command(
    fields: _Fields = None,
    file: FileOption = None,
    draft: DraftOption = None,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change settings; says which of them need a restart.

    With --file, what the file doesn't say goes back to its default.

    Example: faregate settings set gate.workers=4 management.session_idle_h=4
    """
    changes = _set("settings", fields, file, Manner(dry_run, draft, message, as_json))
    for place in waiting(changes):
        typer.echo(f"note: {place} is read at start: restart Faregate", err=True)


@callers_app.command("show")
def show_callers(path: _Path = None, as_json: JsonOption = False) -> None:
    """Show how callers identify themselves beside keys.

    Example: faregate callers show jwt_issuers
    """
    _show("callers", path, as_json=as_json)


@callers_app.command("set")
def set_callers(
    fields: _Fields = None,
    file: FileOption = None,
    draft: DraftOption = None,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change how callers identify themselves beside keys.

    With --file, what the file doesn't say goes back to its default. A secret never stands in a
    command: write '${env:NAME}' for the variable NAME, which is read now.

    Example: faregate callers set --file callers.yaml
    """
    _set("callers", fields, file, Manner(dry_run, draft, message, as_json))


def _show(part: Part, path: str | None, *, as_json: bool) -> None:
    with opened() as installation:
        document = installation.revisions.written()[1]
    whole: Any = msgspec.to_builtins(getattr(document, part), builtin_types=(Decimal,))
    found = inner(whole, () if path is None else read_path(path), part)
    if as_json:
        print_json(bare(found))
    else:
        typer.echo(yaml_text(found), nl=False)


def _set(part: Part, fields: Sequence[str] | None, file: str | None, manner: Manner) -> Any:
    assignments = [_within(part, read_assignment(one)) for one in fields or ()]
    base = read_file(file)
    last: list[Document] = []

    def change(document: Document) -> Document:
        made = _with_part(part, document, base, assignments)
        last[:] = [made]
        return msgspec.structs.replace(document, **{part: getattr(made, part)})

    def renewed() -> frozenset[str]:
        said = [one.path for one in assignments] + ([()] if base is not None else [])
        return renewed_places(last[0], said, is_list=False)

    summary = "changed the settings" if part == "settings" else "changed how callers are known"
    return carry_out(Wanted(change, lambda: summary, renewed), manner)


def _with_part(
    part: Part, document: Document, base: Located | None, assignments: Iterable[Assignment]
) -> Document:
    """A document of the changed part alone."""
    now: Any = {part: getattr(document, part)}
    tree = part_of(Document(**now), part, is_list=False) if base is None else base
    return read_part(assigned(tree, assignments), part, is_list=False)


def _within(part: Part, one: Assignment) -> Assignment:
    """Errors and changes say settings.gate.port; that may be written, too."""
    is_whole = one.path[0] == part and len(one.path) > 1
    return one._replace(path=one.path[1:]) if is_whole else one


def inner(tree: Any, path: Sequence[str], part: Part) -> Any:
    """What a path leads to; raises `MissingError`."""
    here = ""
    for step in path[1:] if path and path[0] == part else path:
        if isinstance(tree, (list, tuple)):
            known = {label(one) or str(number): one for number, one in enumerate(tree)}
        else:
            known = tree if isinstance(tree, dict) else {}
        if step not in known:
            meant = nearest(step, [*known])
            raise MissingError(
                f"there is no {step!r} in {here or part}"
                + (f"; did you mean {meant!r}?" if meant else ""),
                fix=f"'faregate {part} show{f' {here}' if here else ''}' shows what there is",
            )
        tree = known[step]
        here = f"{here}.{step}" if here else step
    return tree


def waiting(changes: Iterable[Change]) -> Iterator[str]:
    """The changed settings that are read when Faregate starts."""
    for change in changes:
        path = change.place.partition(" ")[0].removeprefix("settings.")
        if is_read_at_start(path):
            yield path


def is_read_at_start(path: str) -> bool:
    """Whether a setting, as gate.port, is read once."""
    kind: Any = Settings
    for step in path.split("."):
        words = _comments().get(getattr(kind, "__name__", ""), {}).get(step.partition("[")[0], "")
        if RESTART in words:
            return True
        kind = section_of(kind, step)
    return False


@cache
def _comments() -> dict[str, dict[str, str]]:
    """What is said of every setting where it is declared: as the reference has it."""
    return field_comments(inspect.getsource(declared))
