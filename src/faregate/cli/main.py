"""`faregate`: finds the command that is asked for; loads it alone.

What goes wrong outside a command's own words ends here as "error:" and "fix:", never as a
traceback. Exit statuses: 0 done, 1 a failure that is explained, 2 wrong use, 130 Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
import typer.core
import typer.main

import faregate
from faregate.core.errors import FaregateError
from faregate.storage.home import HOME_VARIABLE

TRACEBACK_VARIABLE: Final = "FAREGATE_TRACEBACK"
PROFILE_VARIABLE: Final = "FAREGATE_PROFILE"
LOCAL_PROFILE: Final = "local"
COMPLETE_VARIABLE: Final = "_FAREGATE_COMPLETE"
INTERRUPTED: Final = 130  # as a shell reports a program that Ctrl-C ended


class Entry(NamedTuple):
    """Where a command is.

    `attribute` of `module` is a function, or a Typer with commands.
    """

    module: str
    attribute: str
    panel: str
    summary: str


_RUN: Final = "Run"
_CONFIGURE: Final = "Configure"
_USE: Final = "Use and watch"
_ELSEWHERE: Final = "This terminal"

ENTRIES: Final = {
    "init": Entry("init", "init", _RUN, "Make the data folder, its master key and its database."),
    "serve": Entry("serve", "serve", _RUN, "Start the gate and everything around it."),
    "status": Entry("status", "status", _RUN, "Show whether the service runs, and how it is."),
    "nodes": Entry("nodes", "app", _RUN, "List and show the machines that serve."),
    "login": Entry("login", "login", _ELSEWHERE, "Log in to an installation elsewhere."),
    "logout": Entry("login", "logout", _ELSEWHERE, "Forget a login."),
    "whoami": Entry("login", "whoami", _ELSEWHERE, "Show whom commands are for, and your rights."),
    "approve": Entry("login", "approve", _ELSEWHERE, "Let a command elsewhere log in as you."),
    "profiles": Entry("login", "profiles_app", _ELSEWHERE, "Show and choose installations."),
    "completion": Entry("completion", "completion", _ELSEWHERE, "Let the shell complete words."),
    "config": Entry("config", "app", _CONFIGURE, "Check, apply, compare and export faregate.yaml."),
    "apply": Entry("revisions", "apply", _CONFIGURE, "Put a faregate.yaml in force, or stage it."),
    "export": Entry(
        "config", "export_command", _CONFIGURE, "Write the configuration in force as a file."
    ),
    "revisions": Entry(
        "revisions", "app", _CONFIGURE, "Show what was changed, go back, and publish drafts."
    ),
    "items": Entry("items", "app", _CONFIGURE, "List, show, set and remove items of every kind."),
    "settings": Entry("settings", "app", _CONFIGURE, "Show and set settings."),
    "callers": Entry(
        "settings", "callers_app", _CONFIGURE, "Show and set how callers identify themselves."
    ),
    "providers": Entry("providers", "app", _CONFIGURE, "Add, list, test and remove providers."),
    "models": Entry("models", "app", _CONFIGURE, "Add, list and remove models."),
    "virtual-models": Entry(
        "virtual_models", "app", _CONFIGURE, "Add, show and remove names over several models."
    ),
    "teams": Entry("teams", "app", _CONFIGURE, "Add, list and remove teams."),
    "applications": Entry(
        "applications",
        "app",
        _CONFIGURE,
        "Add, list and remove applications, which keys belong to.",
    ),
    "keys": Entry("keys", "app", _CONFIGURE, "Make, list and revoke callers' keys."),
    "users": Entry("users", "app", _CONFIGURE, "Invite, list, lock and remove users."),
    "roles": Entry("roles", "app", _CONFIGURE, "List, add and remove roles."),
    "members": Entry("members", "app", _CONFIGURE, "Add, list and remove members of teams."),
    "service-accounts": Entry(
        "service_accounts", "app", _CONFIGURE, "Add and remove programs that manage, and tokens."
    ),
    "tokens": Entry("tokens", "app", _CONFIGURE, "Make, list and revoke personal tokens."),
    "wallets": Entry("wallets", "app", _CONFIGURE, "Make wallets; give, show, correct credit."),
    "budgets": Entry("budgets", "app", _USE, "Show what is spent of what is capped."),
    "events": Entry("events", "app", _USE, "Read what happened to wallets and budgets."),
    "webhooks": Entry("webhooks", "app", _USE, "Have events sent to an address, signed."),
    "audit": Entry("audit", "app", _USE, "Read, check and export the record of who did what."),
    "call": Entry("call", "call", _USE, "Make a call through the gate from the terminal."),
    "calls": Entry("calls", "app", _USE, "Read what was called, by whom, and how it went."),
    "batches": Entry("batches", "app", _USE, "List, show and cancel callers' batches."),
    "files": Entry("files", "app", _USE, "List and delete callers' files."),
    "diagnose": Entry("diagnose", "diagnose", _USE, "Explain a refusal, and the way out."),
    "simulate": Entry("simulate", "simulate", _USE, "Serve vendors' formats with a script."),
}


class Commands(typer.core.TyperGroup):
    """The commands of `ENTRIES`; a list of them loads none."""

    _listing = False
    # Told without loading a command.
    summaries: Final = {name: entry.summary for name, entry in ENTRIES.items()}

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command whose module is installed."""
        return [name for name, entry in ENTRIES.items() if find_spec(_module(entry)) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; None where there is none."""
        entry = ENTRIES.get(cmd_name)
        if entry is None or find_spec(_module(entry)) is None:
            return None
        if self._listing:
            return typer.core.TyperCommand(
                cmd_name, help=entry.summary, rich_help_panel=entry.panel
            )
        return _load(cmd_name, entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with; a mistyped one is told the nearest."""
        known: Any = dict.fromkeys(self.list_commands(ctx))
        self.commands = known  # only its names are read, to suggest one
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help from the summaries of `ENTRIES`."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def _module(entry: Entry) -> str:
    return f"faregate.cli.{entry.module}"


def _load(name: str, entry: Entry) -> Any:
    found = getattr(import_module(_module(entry)), entry.attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
    command.name = name
    command.rich_help_panel = entry.panel
    return command


app = typer.Typer(
    cls=Commands,
    name="faregate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"faregate {faregate.__version__}")
        raise typer.Exit


@app.callback()
def faregate_options(
    home: Annotated[
        Path | None,
        typer.Option(
            help=f"The data folder; without it {HOME_VARIABLE}, or ~/.faregate.", show_default=False
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="The installation that the command is for, as 'faregate login' named it; 'local' "
            "is this machine's.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001, RUF100 - handled as soon as it is read
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Faregate, an AI gateway: one address and one key for many models.

    Example: faregate serve --demo
    """
    if home is not None and profile is not None:
        raise FaregateError(
            "--home and --profile exclude each other",
            fix="--home names a data folder of this machine, --profile an installation elsewhere",
        )
    if profile is not None:
        os.environ[PROFILE_VARIABLE] = profile
    if home is not None:
        os.environ[PROFILE_VARIABLE] = LOCAL_PROFILE
        # Read by every command, and inherited by the processes that one starts.
        os.environ[HOME_VARIABLE] = str(home.expanduser().absolute())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command in `arguments`, the process's own by default, and exit."""
    if os.environ.get(COMPLETE_VARIABLE):
        from faregate.cli.completion import print_words

        typed = sys.argv[1:] if arguments is None else arguments
        print_words(typer.main.get_command(app), typed)
        return
    command = typer.main.get_command(app)
    try:
        command.main(args=arguments, prog_name="faregate")
    except FaregateError as error:
        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _leave_pipe()
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        print_error(
            FaregateError(
                f"an unexpected failure: {type(error).__name__}: {error}",
                fix=f"run it again with {TRACEBACK_VARIABLE}=1, and report what it prints",
            )
        )
        sys.exit(1)


def print_error(error: FaregateError) -> None:
    """What is wrong and what to do, a line each, on stderr."""
    for one in (error, *getattr(error, "others", ())):
        message = str(one).partition("\n")[0]
        print(f"error: {message}", file=sys.stderr)
        if one.fix:
            print(f"fix:   {one.fix}", file=sys.stderr)


def _leave_pipe() -> None:
    # Whoever read the output has gone; the interpreter must not complain of it at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


if __name__ == "__main__":
    main()
