"""Identity providers that nobody on the way can stand in for, and roles that are there."""

from typing import Any

import pytest

from faregate.configuration import single_sign_on_rules as rules
from faregate.configuration.commerce import Team
from faregate.configuration.document import Document
from faregate.configuration.single_sign_on import GroupRole, SingleSignOn


def document(**more: Any) -> Document:
    fields = {"name": "corp", "issuer": "https://login.example.com", "client_id": "x", **more}
    return Document(teams=(Team(name="sales"),), identity_providers=(SingleSignOn(**fields),))


def test_an_honest_one_passes() -> None:
    roles = (
        GroupRole(group="a", role="auditor"),
        GroupRole(group="b", role="team-viewer", team="sales"),
        GroupRole(group="c", role="our-own", team="sales"),
    )
    honest = document(roles=roles, client_secret="${env:SECRET}")
    assert list(rules.check(honest)) == []
    assert list(rules.check_written(honest)) == []


def test_a_secret_must_not_stand_in_it() -> None:
    [problem] = rules.check_written(document(client_secret="hunter2hunter2"))
    assert problem.path == ("identity_providers", 0, "client_secret")
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"issuer": "http://login.example.com"}, "issuer"),
        ({"issuer": "login.example.com"}, "issuer"),
        ({"issuer": "https://login.example.com?x=1"}, "issuer"),
        ({"issuer": "https://[half"}, "issuer"),
        ({"scopes": ("email",)}, "scopes"),
        ({"roles": (GroupRole(group="a", role="team-viewer"),)}, "team"),
        ({"roles": (GroupRole(group="a", role="auditor", team="sales"),)}, "team"),
        ({"roles": (GroupRole(group="a", role="team-viewer", team="sale"),)}, "team"),
    ],
)
def test_what_can_not_be_honoured_names_its_field(fields: dict[str, Any], field: str) -> None:
    [problem] = rules.check(document(**fields))
    assert problem.path[-1] == field


def test_two_of_one_name_are_refused() -> None:
    one = SingleSignOn(name="corp", issuer="https://login.example.com", client_id="x")
    [problem] = rules.check(Document(identity_providers=(one, one)))
    assert "two" in problem.message
