"""faregate init: the data folder, made ready."""

import datetime as dt
import os
from pathlib import Path
from typing import Annotated

import typer

from faregate.cli.directory_session import first_login
from faregate.cli.output import JsonOption, print_json
from faregate.cli.session import actor
from faregate.configuration.found_accounts import Found, with_found
from faregate.providers.environment import find_accounts
from faregate.storage.first_owner import make_first_owner
from faregate.storage.home import Home
from faregate.storage.preparation import prepare_home


def init(
    owner: Annotated[
        str | None, typer.Option(help="The first owner's e-mail address.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the data folder, its master key and its database.

    What is there stays. Doing it again after an upgrade brings the database to the new release.
    An owner is made the first time, admin@localhost without --owner; the password for the first
    login is shown once.
    Vendors' keys in the environment are found the first time: faregate.yaml in the data folder
    then names them, and is in force.

    Example: faregate init
    """
    home = Home.from_environment()
    made = prepare_home(home)
    file, found = add_accounts(home)
    if file is not None:
        made.append(file)
    first = make_first_owner(home, actor(), owner)
    if first is None and owner is not None:
        told = "there are users, so --owner made nobody; see 'faregate users create-owner --help'"
        typer.echo(told, err=True)
    if as_json:
        facts = {"home": str(home.root), "made": [str(path) for path in made], "found": found}
        login = first and {"email": first.email, "one_time_password": first.password}
        print_json({**facts, "owner": login})
        return
    for path in made:
        typer.echo(f"made {path}")
    for one in found:
        typer.echo(str(one))
    if not made and first is None:
        typer.echo(f"{home.root} is ready; there was nothing to make.")
        return
    typer.echo(f"\n{home.root} is ready.")
    if first is not None:
        typer.echo(first_login(first))
    if home.master_key_file in made:
        typer.echo(
            f"Keep a copy of {home.master_key_file} in a safe place: without it the providers' "
            "keys in the database can't be read."
        )
    typer.echo("\nNext:")
    if file is None:
        typer.echo(
            "  faregate providers add openai --key-env OPENAI_API_KEY\n"
            "  faregate models add gpt-6-luna --provider openai"
        )
    typer.echo("  faregate keys create my-app\n  faregate serve")


def add_accounts(home: Home) -> tuple[Path | None, list[Found]]:
    """Configure the accounts that the environment describes.

    Only where nothing is configured yet. Gives the file that was written, if any; keys are not in
    it.
    """
    if not find_accounts(os.environ):
        return None, []
    # Here, for they load YAML and the SQL layer.
    from faregate.configuration.export import export
    from faregate.configuration.load import FILE_NAME
    from faregate.storage.installation import open_installation

    file = home.root / FILE_NAME
    with open_installation(home) as installation:
        number, document = installation.revisions.written()
        new, found = with_found(document, os.environ, dt.datetime.now(dt.UTC).date())
        if number != 0 or file.exists() or new == document:
            return None, [one for one in found if number == 0 and one.left_out is not None]
        installation.revisions.apply(new, actor(), "keys in the environment", 0)
    file.write_text(export(new), encoding="utf-8")
    return file, found
