"""A small configuration, and a large one, for the tests of revisions."""

from pathlib import Path

import msgspec

from faregate.configuration.commerce import Application, Team
from faregate.configuration.document import Document, Model, Provider
from faregate.core.clock import ManualClock
from faregate.storage.database import Database
from faregate.storage.revisions import Revisions
from faregate.storage.secrets import SecretBox

BOX = SecretBox(b"k" * 32)
P = Provider(name="p", base_url="http://h/v1", api_key="${env:KEY}")
M = Model(name="m", provider="p")
DOCUMENT = Document(providers=(P,), models=(M,))
VARIABLES = {"KEY": "sk-hidden-1"}


def opened(path: Path) -> Revisions:
    """Revisions of a new database at `path`, or of the one that is there."""
    database = Database(path)
    database.upgrade()
    return Revisions(database, BOX, ManualClock())


def with_models(document: Document, *names: str) -> Document:
    """`document` with more models of p."""
    more = tuple(Model(name=name, provider="p") for name in names)
    return msgspec.structs.replace(document, models=(*document.models, *more))


def without_models(document: Document, *names: str) -> Document:
    """`document` without these models."""
    kept = tuple(one for one in document.models if one.name not in names)
    return msgspec.structs.replace(document, models=kept)


def large(teams: int, applications: int) -> Document:
    """A document of so many teams, each with so many applications."""
    return Document(
        providers=(P,),
        models=tuple(Model(name=f"m{n}", provider="p") for n in range(100)),
        teams=tuple(Team(name=f"team-{n}") for n in range(teams)),
        applications=tuple(
            Application(name=f"team-{team}/app-{n}", team=f"team-{team}")
            for team in range(teams)
            for n in range(applications)
        ),
    )
