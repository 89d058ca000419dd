"""faregate init: the data folder, made ready."""

import typer

from faregate.cli.output import JsonOption, print_json
from faregate.storage.home import Home
from faregate.storage.preparation import prepare_home


def init(as_json: JsonOption = False) -> None:
    """Make the data folder, its master key and its database.

    What is there stays. Doing it again after an upgrade brings the database to the new release.

    Example: faregate init
    """
    home = Home.from_environment()
    made = prepare_home(home)
    if as_json:
        print_json({"home": str(home.root), "made": [str(path) for path in made]})
        return
    for path in made:
        typer.echo(f"made {path}")
    if not made:
        typer.echo(f"{home.root} is ready; there was nothing to make.")
        return
    typer.echo(f"\n{home.root} is ready.")
    if home.master_key_file in made:
        typer.echo(
            f"Keep a copy of {home.master_key_file} in a safe place: without it the providers' "
            "keys in the database can't be read."
        )
    typer.echo(
        "\nNext:\n"
        "  faregate providers add openai --base-url https://api.openai.com/v1 "
        "--key-env OPENAI_API_KEY\n"
        "  faregate models add gpt-4.1-mini --provider openai\n"
        "  faregate keys create my-app\n"
        "  faregate serve"
    )
