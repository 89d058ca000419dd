"""faregate items: whatever the configuration has, of every kind."""

from decimal import Decimal
from typing import Annotated, Any, Final

import typer

from faregate.cli.assignments import read_assignment
from faregate.cli.changing import (
    DraftOption,
    FileOption,
    Manner,
    MessageOption,
    Wanted,
    carry_out,
    read_file,
)
from faregate.cli.item_changes import (
    Made,
    Wish,
    find_kind,
    refuse_team,
    renewed_of,
    require_item,
    with_item,
    without_items,
)
from faregate.cli.output import DryRunOption, JsonOption, print_json, print_table
from faregate.cli.owned import TeamFilter, TeamOption, of_team
from faregate.cli.session import opened
from faregate.configuration.amounts import amount_text
from faregate.configuration.document import Document
from faregate.configuration.export import brief, yaml_text
from faregate.configuration.problems import LABEL_FIELDS
from faregate.configuration.references import SEALED, bare
from faregate.control.resources.kinds import KINDS, name_of, team_of

FACTS_CHARACTERS: Final = 70  # of a column

app = typer.Typer(
    name="items",
    help="List, show, set and remove whatever the configuration has, of every kind.",
    no_args_is_help=True,
)

_Kind = Annotated[
    str, typer.Argument(metavar="KIND", help="Its kind, as 'faregate items kinds' lists them.")
]
_Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Its name, as hourly or sales/hourly; of a price the model, or 'MODEL from TIME'.",
    ),
]


@app.command()
def kinds(as_json: JsonOption = False) -> None:
    """List the kinds of items, and how many there are of each.

    Example: faregate items kinds
    """
    with opened() as installation:
        document = installation.revisions.written()[1]
    facts = [
        {"kind": one.path, "items": len(one.items(document)), "of_teams": one.is_owned}
        for one in KINDS.values()
    ]
    if as_json:
        print_json(facts)
        return
    print_table(
        ("KIND", "ITEMS", "A TEAM MAY OWN ONE"),
        [(str(one["kind"]), str(one["items"]), "yes" if one["of_teams"] else "") for one in facts],
    )


@app.command("list")
def list_command(kind: _Kind, team: TeamFilter = None, as_json: JsonOption = False) -> None:
    """List the items of a kind, and what they say.

    Example: faregate items list limits --team sales
    """
    found = find_kind(kind)
    refuse_team(found, team)
    with opened() as installation:
        document = installation.revisions.written()[1]
    items = of_team(found.items(document), team) if found.is_owned else found.items(document)
    if as_json:
        print_json([{"name": name_of(one), **bare(brief(one))} for one in items])
        return
    if not items:
        typer.echo(
            f"There are no {found.plural}; 'faregate items set {found.path} NAME' makes one."
        )
        return
    if found.is_owned:
        rows = [(name_of(one), team_of(one) or "", facts_of(one)) for one in items]
        print_table(("NAME", "TEAM", "SAYS"), rows)
    else:
        print_table(("NAME", "SAYS"), [(name_of(one), facts_of(one)) for one in items])


@app.command()
def show(kind: _Kind, name: _Name, team: TeamOption = None, as_json: JsonOption = False) -> None:
    """Show an item as it would stand in faregate.yaml.

    What it doesn't say is by default. Secrets are references or sealed.

    Example: faregate items show plans pro
    """
    found = find_kind(kind)
    with opened() as installation:
        document = installation.revisions.written()[1]
    tree = brief(require_item(found, document, name, team))
    if as_json:
        print_json(bare(tree))
    else:
        typer.echo(yaml_text(tree), nl=False)


@app.command("set")
def set_command(
    kind: _Kind,
    name: _Name,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIELD=VALUE",
            help="A field and its value in YAML; inner ones as settings.models=[a,b], items of "
            "lists as targets[NAME].weight=2; FIELD= takes it back to its default.",
        ),
    ] = None,
    file: FileOption = None,
    team: TeamOption = None,
    draft: DraftOption = None,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an item, or change what is said of one.

    With --file, what the file doesn't say goes back to its default. A secret never stands in a
    command: write '${env:NAME}' for the variable NAME, which is read now.

    Example: faregate items set limits hourly each=key max=1000 per=hour
    """
    found = find_kind(kind)
    refuse_team(found, team)
    wish = Wish(name, team, read_file(file), tuple(map(read_assignment, fields or ())))
    last: list[Made] = []

    def change(document: Document) -> Document:
        last[:] = [with_item(found, document, wish)]
        return last[0].document

    def summary() -> str:
        verb = "added" if last[0].is_new else "changed"
        return f"{verb} the {found.noun} {name_of(last[0].item)}"

    wanted = Wanted(change, summary, lambda: renewed_of(found, last[0].item, wish))
    carry_out(wanted, Manner(dry_run, draft, message, as_json))


@app.command()
def remove(
    kind: _Kind,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Its name; again for more.")],
    team: TeamOption = None,
    draft: DraftOption = None,
    message: MessageOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove items, all or none of them.

    Example: faregate items remove limits hourly daily -m "the new plan has its own"
    """
    found = find_kind(kind)

    def change(document: Document) -> Document:
        return without_items(found, document, names, team)

    what = found.noun if len(names) == 1 else found.plural
    wanted = Wanted(change, lambda: f"removed the {what} {', '.join(names)}", frozenset)
    carry_out(wanted, Manner(dry_run, draft, message, as_json))


def facts_of(item: Any) -> str:
    """What an item says, in one short line; sealed values are not shown."""
    told = ", ".join(
        f"{name}: {_short(value)}"
        for name, value in brief(item).items()
        if name not in LABEL_FIELDS and name != "team"
    )
    return told if len(told) <= FACTS_CHARACTERS else f"{told[: FACTS_CHARACTERS - 3]}..."


def _short(value: Any) -> str:
    if isinstance(value, str):
        return SEALED.sub("sealed", value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "/".join(value)
    if isinstance(value, list):
        named = [
            one.get("name", one.get("model")) if isinstance(one, dict) else one for one in value
        ]
        return " ".join(str(one) for one in named if one is not None) or str(len(value))
    return amount_text(value) if isinstance(value, Decimal) else str(value)
