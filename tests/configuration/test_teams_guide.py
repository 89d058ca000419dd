"""The guide's example does what the guide says of it."""

import re
from pathlib import Path

import pytest

from faregate.catalogue.models import Catalogue
from faregate.configuration.commerce import TeamSettings
from faregate.configuration.document import Document
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.tenancy import Scopes
from faregate.core.errors import ConfigurationError
from faregate.gate.snapshot import offered

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "teams.md"
ENVIRONMENT = {"OPENAI_API_KEY": "sk-1", "OPENAI_EU_KEY": "sk-2", "RESEARCH_KEY": "sk-3"}


@pytest.fixture(scope="module")
def text() -> str:
    return re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)[0]


@pytest.fixture(scope="module")
def document(text: str) -> Document:
    return load(text, environment=ENVIRONMENT)


def test_the_example_loads_back_from_its_export(document: Document) -> None:
    assert load(export(document), environment=ENVIRONMENT) == document


@pytest.mark.parametrize(
    ("team", "names"),
    [
        ("sales", ["gpt-5-mini"]),
        ("research", ["gpt-5", "gpt-5-mini", "research/careful", "research/gpt-5-mini"]),
        ("", ["gpt-5", "gpt-5-mini"]),
    ],
)
def test_models_are_there_for_whom_the_guide_says(
    document: Document, team: str, names: list[str]
) -> None:
    catalogue: Catalogue = offered(document)
    assert catalogue.of(team).names(None) == names


def test_the_nearest_name_wins(document: Document) -> None:
    scope = offered(document).of("research")
    found = scope.find("gpt-5-mini")
    assert found is not None
    assert found.name == "research/gpt-5-mini"
    listed = scope.find("gpt-5-mini", frozenset({"gpt-5-mini"}))
    assert listed is not None
    assert listed.name == "gpt-5-mini"
    careful = scope.find("careful")
    assert careful is not None
    assert careful.name == "research/careful"


def test_every_setting_of_a_team_is_in_the_guide() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(), re.M)
    assert rows == list(TeamSettings.__struct_fields__)


def test_who_pays(document: Document) -> None:
    assert {team.name: team.wallet for team in document.teams} == {
        "sales": "company",
        "research": "research/grant",
    }
    assert "research/grant" not in Scopes(document).of("sales")["wallet"]


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("wallet: company}  ", "wallet: research/grant}  ", "is of the team 'research'"),
        ("name: gpt-5, provider", "name: sales/gpt-5, provider", "a name of the team 'sales'"),
        ("shared_with: [research]", "shared_with: [sales]", "there is no model 'gpt-5'"),
        ("{name: intranet, ", "{name: shop, team: sales, ", "an application 'shop' already"),
    ],
)
def test_what_the_guide_forbids_is_refused(
    text: str, written: str, instead: str, message: str
) -> None:
    assert written in text
    with pytest.raises(ConfigurationError) as caught:
        load(text.replace(written, instead), environment=ENVIRONMENT)
    assert message in str(caught.value)
