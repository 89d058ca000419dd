"""faregate revisions: what was changed, going back, and drafts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faregate.cli import config
from faregate.cli.output import JsonOption, count_of, moment, print_json, print_table
from faregate.cli.session import actor, opened
from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.core.errors import FaregateError

if TYPE_CHECKING:
    from faregate.cli.ports import StagedDraft
    from faregate.storage.revisions import Draft, Revisions

app = typer.Typer(
    name="revisions",
    help="Show what was changed, go back, and publish drafts.",
    no_args_is_help=True,
)

_SHARED = "shared"

_Message = Annotated[str | None, typer.Option("-m", "--message", help="Why, for the history.")]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
]
_Number = Annotated[int, typer.Argument(metavar="REVISION", min=0, help="A revision's number.")]
_Draft = Annotated[str, typer.Argument(metavar="[DRAFT]", help="A draft's name.")]
_DraftOption = Annotated[
    str, typer.Option("--draft", help="The draft to stage in; without it, the one that all share.")
]


def _history(revisions: Any) -> "Revisions":
    """The revisions, if all of this can be done to them; raises `FaregateError`."""
    if not hasattr(revisions, "preview_draft"):
        raise FaregateError(
            "this is not done from here for an installation elsewhere",
            fix="run it on the machine of the installation, or use its management API",
        )
    found: Revisions = revisions
    return found


def _item(text: str) -> tuple[str, str]:
    """`applications/sales/shop` as kind and name."""
    kind, _, name = text.partition("/")
    if kind.replace("-", "_") not in Document.__struct_fields__:
        raise FaregateError(
            f"{text!r} names no item of the configuration",
            fix="write kind and name, as applications/sales/shop; or settings",
        )
    return kind.replace("-", "_"), name


@app.command("list")
def list_command(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many revisions.")] = 20,
    before: Annotated[
        int | None, typer.Option(min=1, help="Only those below this number: the next page.")
    ] = None,
    item: Annotated[
        str | None, typer.Option(help="Only those that changed this: applications/sales/shop.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the last changes: when, who, what and why; the newest first.

    Example: faregate revisions list -n 5
    """
    with opened() as installation:
        revisions = _history(installation.revisions)
        if item is None:
            rows = revisions.history(count, before)
        else:
            rows = revisions.item_history(*_item(item), count_max=count, before=before)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("There are no such revisions.")
        return
    print_table(
        ("REVISION", "WHEN", "WHO", "WHAT", "WHY"),
        [
            (
                str(row.number),
                moment(row.created_ns) or "",
                row.actor,
                row.summary,
                row.message or "",
            )
            for row in rows
        ],
    )


@app.command()
def show(number: _Number, as_json: JsonOption = False) -> None:
    """Show one revision: who, when, from where, why, and what it changed.

    Example: faregate revisions show 12
    """
    with opened() as installation:
        shown = _history(installation.revisions).show(number)
    if as_json:
        print_json(shown)
        return
    revision = shown.revision
    by = f"{revision.actor} ({revision.actor_kind.replace('_', ' ')})"
    facts = (
        ("revision", str(revision.number)),
        ("when", moment(revision.created_ns)),
        ("who", by),
        ("address", revision.address),
        ("what", revision.summary),
        ("why", revision.message),
    )
    for name, value in facts:
        if value is not None:
            typer.echo(f"{name}: {value}")
    _print_changes(shown.changes)
    if not revision.changed_document:
        typer.echo("Only keys were changed; 'faregate audit list' tells which.")


@app.command()
def compare(
    old: Annotated[int, typer.Argument(metavar="OLD", min=0, help="A revision's number.")],
    new: Annotated[int, typer.Argument(metavar="NEW", min=0, help="Another one's.")],
    as_json: JsonOption = False,
) -> None:
    """Show what leads from one revision to another; 0 is empty.

    Example: faregate revisions compare 3 12
    """
    with opened() as installation:
        changes = _history(installation.revisions).compare(old, new)
    if as_json:
        print_json({"old": old, "new": new, "changes": changes})
        return
    _print_changes(changes)
    if not changes:
        typer.echo(f"Revisions {old} and {new} say the same.")


@app.command()
def rollback(
    number: _Number, dry_run: _DryRun = False, message: _Message = None, as_json: JsonOption = False
) -> None:
    """Put the configuration of an earlier revision in force again.

    It becomes a new revision. Secrets are those of then. Keys that were revoked since stay
    revoked, and credit that was given stays given.

    Example: faregate revisions rollback 11 -m "the new provider fails"
    """
    with opened() as installation:
        revisions = _history(installation.revisions)
        if dry_run:
            found = revisions.preview_roll_back(number)
        else:
            found = revisions.roll_back(number, actor(), message)
    if as_json:
        print_json(
            {
                "revision": found.number,
                "changes": found.changes,
                "remarks": found.remarks,
                "dry_run": dry_run,
            }
        )
        return
    _print_changes(found.changes)
    for remark in found.remarks:
        typer.echo(f"note: {remark}", err=True)
    if dry_run:
        count = count_of(len(found.changes), "change")
        typer.echo(f"{count} to revision {found.number}; nothing was changed.")
    elif found.changes:
        typer.echo(f"Revision {found.number} is in force, as revision {number} was.")
    else:
        typer.echo(f"Nothing changes; revision {found.number} stays in force.")


@app.command()
def stage(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A faregate.yaml; - reads stdin.")],
    draft: _DraftOption = _SHARED,
    message: _Message = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what a file would change in a draft, to be published later.

    Variables are read now. Others may add to the draft until it is published.

    Example: faregate revisions stage faregate.yaml -m "prices of spring"
    """
    document = config.read_document(file)
    with opened() as installation:
        found = _history(installation.revisions).stage_document(document, actor(), draft, message)
    print_staged(found, what="the file", as_json=as_json)


def print_staged(draft: "StagedDraft", *, what: str, as_json: bool) -> None:
    """What a draft has now; without items, `what` is as in force."""
    if as_json:
        print_json(draft)
    elif draft.items:
        typer.echo(
            f"The draft {draft.name} has {count_of(len(draft.items), 'item')}; "
            f"'faregate revisions publish {draft.name}' puts it in force."
        )
    else:
        typer.echo(f"Nothing is staged: {what} is what is in force.")


@app.command()
def staged(
    draft: Annotated[
        str | None, typer.Argument(metavar="[DRAFT]", help="Show what this one would change.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the drafts; or show what one would change, and what is in its way.

    Example: faregate revisions staged shared
    """
    with opened() as installation:
        revisions = _history(installation.revisions)
        if draft is None:
            _print_drafts(revisions.drafts(), as_json)
            return
        preview = revisions.preview_draft(draft)
    if as_json:
        print_json(preview)
        return
    _print_changes(preview.changes)
    for one in preview.stale:
        where = f"{one.kind}/{one.name}" if one.name else one.kind
        typer.echo(f"note: {where} was changed in force since it was staged", err=True)
    for problem in preview.problems:
        typer.echo(f"note: {problem}", err=True)
    count = count_of(len(preview.changes), "change")
    ending = "; it can't be published so." if preview.stale or preview.problems else "."
    typer.echo(f"{count} to revision {preview.number}{ending}")


@app.command()
def publish(draft: _Draft = _SHARED, message: _Message = None, as_json: JsonOption = False) -> None:
    """Put a draft in force as one revision, whole or not at all.

    It is refused where an item was changed in force since it was staged.

    Example: faregate revisions publish -m "prices of spring"
    """
    with opened() as installation:
        number = _history(installation.revisions).publish(actor(), draft, message)
    if as_json:
        print_json({"revision": number, "draft": draft})
    else:
        typer.echo(f"Published {draft}; revision {number} is in force.")


@app.command()
def discard(
    draft: _Draft = _SHARED,
    item: Annotated[
        list[str] | None, typer.Option(help="Only this of it, as applications/sales/shop.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Drop a draft, or some of its items.

    Example: faregate revisions discard shared --item models/fast
    """
    items = [_item(one) for one in item] if item else None
    with opened() as installation:
        count = _history(installation.revisions).discard(actor(), draft, items)
    if as_json:
        print_json({"draft": draft, "discarded": count})
    else:
        typer.echo(f"Discarded {count_of(count, 'item')} of {draft}.")


def apply(
    file: Annotated[str, typer.Option("-f", "--file", help="A faregate.yaml; - reads stdin.")],
    dry_run: _DryRun = False,
    staging: Annotated[
        bool, typer.Option("--stage", help="Keep the changes in a draft instead.")
    ] = False,
    draft: _DraftOption = _SHARED,
    message: _Message = None,
    as_json: JsonOption = False,
) -> None:
    """Put a file in force, whole or not at all; or stage what it changes.

    What the file doesn't have is removed, except keys that were made by command. Variables are
    read now; secrets are kept sealed.

    Example: faregate apply -f faregate.yaml -m "add the new provider"
    """
    if staging and dry_run:
        raise FaregateError(
            "--stage and --dry-run exclude each other",
            fix="stage it, then look at it with 'faregate revisions staged shared'",
        )
    if staging:
        stage(file, draft, message, as_json)
        return
    named = Path(file).name if file != "-" else "stdin"
    config.put_in_force(
        file, dry_run=dry_run, summary=f"applied {named}", message=message, as_json=as_json
    )


def _print_drafts(drafts: "Sequence[Draft]", as_json: bool) -> None:
    if as_json:
        print_json(drafts)
        return
    if not drafts:
        typer.echo("Nothing is staged; 'faregate apply -f FILE --stage' stages changes.")
        return
    print_table(
        ("DRAFT", "SINCE", "WHO", "ITEMS", "WHY"),
        [
            (
                one.name,
                moment(one.created_ns) or "",
                one.actor,
                str(len(one.items)),
                one.message or "",
            )
            for one in drafts
        ],
    )


def _print_changes(changes: Sequence[Change]) -> None:
    for change in changes:
        typer.echo(str(change))
