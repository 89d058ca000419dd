"""What keys refer to is there for who asks, or is not there."""

from pathlib import Path

import pytest
from tests.storage.keys_of_teams import make_database

from faregate.core.errors import FaregateError, MissingError
from faregate.storage.database import Database
from faregate.storage.key_references import References


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return make_database(tmp_path)


def test_applications_and_their_teams(database: Database) -> None:
    with database.reading() as connection:
        references = References(connection)
        assert references.application(None, None) == (None, None)
        assert references.application("till", None) == ("till", "sales")
        assert references.application("tools", None) == ("tools", None)
        assert references.application("till", "sales") == ("till", "sales")
        assert references.application("shop", "sales") == ("sales/shop", "sales")
        with pytest.raises(MissingError, match="did you mean 'tools'"):
            references.application("tolls", None)
        with pytest.raises(MissingError) as caught:
            references.application("desk", "sales")
    assert "support" not in f"{caught.value} {caught.value.fix}"


def test_names_of_keys(database: Database) -> None:
    with database.reading() as connection:
        references = References(connection)
        assert references.name("k", "sales", "sales") == "sales/k"
        assert references.name("k", "sales", None) == "k"
        assert references.name("sales/k", "sales", None) == "sales/k"
        for name, team in (("sales/k", None), ("sales/k", "support"), ("gone/k", None)):
            with pytest.raises(FaregateError, match="is a name of the team"):
                references.name(name, team, None)
        with pytest.raises(FaregateError, match="is a name of the team 'support'"):
            references.name("support/k", "sales", "sales")


def test_models_of_keys(database: Database) -> None:
    with database.reading() as connection:
        references = References(connection)
        assert references.models({"small", "gpt"}, "sales") == {"sales/small", "gpt"}
        assert references.models({"fast"}, None) == {"fast"}
        for name, team in (("sales/small", None), ("dark", "sales"), ("gtp", "sales")):
            with pytest.raises(MissingError, match="there is no model"):
                references.models({name}, team)
