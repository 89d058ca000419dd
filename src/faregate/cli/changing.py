"""How commands change the configuration: at once, tried out, or staged.

The same here and elsewhere: `cli.ports.Revisions`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from faregate.cli.assignments import read_value
from faregate.cli.config import print_applied
from faregate.cli.ports import Editing, Given
from faregate.cli.revisions import print_staged
from faregate.cli.session import actor, opened
from faregate.configuration.difference import Change
from faregate.configuration.yaml_tree import Located
from faregate.core.errors import FaregateError

MessageOption = Annotated[str | None, typer.Option("-m", "--message", help="Why, for the history.")]
DraftOption = Annotated[
    str | None,
    typer.Option(
        "--draft",
        help="Stage it in the draft of this name instead; 'faregate revisions publish' puts "
        "all of a draft in force.",
        show_default=False,
    ),
]
FileOption = Annotated[
    str | None,
    typer.Option(
        "-f", "--file", help="The whole of it, as YAML or JSON; - reads stdin.", show_default=False
    ),
]


class Manner(NamedTuple):
    """How a change is meant, and told."""

    dry_run: bool
    draft: str | None
    message: str | None
    as_json: bool


class Wanted(NamedTuple):
    """A change, what it is called once it was tried, and what it reads anew.

    `change` may be asked several times: where others come between, and to try it out.
    """

    change: Editing
    summary: Callable[[], str]
    renewed: Callable[[], frozenset[str]]


def carry_out(wanted: Wanted, manner: Manner) -> Sequence[Change]:
    """Do it as it is meant, and tell; gives what changed in force."""
    if manner.draft is not None and manner.dry_run:
        raise FaregateError(
            "--draft and --dry-run exclude each other",
            fix=f"stage it, then look at it with 'faregate revisions staged {manner.draft}'",
        )
    with opened() as installation:
        revisions = installation.revisions
        # Tried on what is there first: only then is known which variables it names.
        now = revisions.drafted(manner.draft) if manner.draft else revisions.written()
        wanted.change(now[1])
        renewed = wanted.renewed()
        if manner.draft is not None:
            staged = revisions.stage(
                wanted.change, actor(), manner.draft, manner.message, renewed=renewed
            )
            print_staged(staged, what="this", as_json=manner.as_json)
            return ()
        number, changes = revisions.preview_edit(wanted.change, renewed=renewed)
        done = bool(changes) and not manner.dry_run
        if done:
            number = revisions.edit(
                wanted.change,
                actor(),
                wanted.summary(),
                renewed=renewed,
                message=manner.message,
            )
        given: Given = installation.grants.last
    print_applied(number, changes, given, dry_run=manner.dry_run, as_json=manner.as_json)
    return changes if done else ()


def read_file(file: str | None) -> Located | None:
    """What a file says, `-` is stdin; None where none is named."""
    if file is None:
        return None
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode()
    except OSError as error:
        raise FaregateError(
            f"{file} can't be read: {error.strerror}", fix="name a file of YAML or JSON"
        ) from error
    except UnicodeDecodeError as error:
        raise FaregateError(f"{file} is not UTF-8", fix="save it as UTF-8") from error
    return read_value(text, "stdin" if file == "-" else file)
