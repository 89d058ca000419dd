"""Nobody rises by giving, taking or changing what another holds."""

import pytest

from faregate.core.errors import ConfigurationError, ForbiddenError
from faregate.identity.actors import Actor
from faregate.identity.giving import (
    refuse_giving,
    refuse_permissions,
    refuse_taking,
    refuse_taking_over,
    refuse_touching,
)
from faregate.identity.permissions import BUILT_IN_ROLES, Held, Principal


def one_with(role: str, team: str | None = None) -> Principal:
    """A user with this role."""
    return Principal(Actor("user", role), (Held(BUILT_IN_ROLES[role].permissions, team),))


@pytest.mark.parametrize(
    ("giver", "team", "role", "allowed"),
    [
        ("owner", None, "owner", True),
        ("owner", None, "finance", True),
        ("administrator", None, "administrator", True),
        ("administrator", None, "owner", False),
        ("administrator", None, "finance", False),
        ("administrator", None, "auditor", True),
        ("administrator", "sales", "team-owner", True),
        ("finance", None, "auditor", False),
        ("auditor", "sales", "team-viewer", True),
    ],
)
def test_giving(giver: str, team: str | None, role: str, allowed: bool) -> None:
    by, given = one_with(giver), BUILT_IN_ROLES[role]
    if allowed:
        refuse_giving(by, given, team)
        assert by.may_give(given.permissions, team)
        return
    with pytest.raises(ForbiddenError, match="what they don't hold"):
        refuse_giving(by, given, team)


def test_a_team_owner_gives_in_the_own_team_alone() -> None:
    by = one_with("team-owner", "sales")
    refuse_giving(by, BUILT_IN_ROLES["team-owner"], "sales")
    with pytest.raises(ForbiddenError):
        refuse_giving(by, BUILT_IN_ROLES["team-viewer"], "care")
    with pytest.raises(ForbiddenError, match=r"applications\.read and \d+ more"):
        refuse_permissions(by, BUILT_IN_ROLES["team-viewer"].permissions, None)


def test_roles_are_given_where_they_belong() -> None:
    by = one_with("owner")
    with pytest.raises(ConfigurationError, match="can't be given in a team"):
        refuse_giving(by, BUILT_IN_ROLES["finance"], "sales")
    with pytest.raises(ConfigurationError, match="can't be given in the organisation"):
        refuse_giving(by, BUILT_IN_ROLES["team-owner"], None)


def test_owners_are_unmade_by_owners() -> None:
    refuse_taking(one_with("owner"), BUILT_IN_ROLES["owner"])
    refuse_taking(one_with("administrator"), BUILT_IN_ROLES["finance"])
    with pytest.raises(ForbiddenError, match="only owners"):
        refuse_taking(one_with("administrator"), BUILT_IN_ROLES["owner"])
    with pytest.raises(ForbiddenError, match="only owners"):
        refuse_touching(one_with("administrator"), one_with("owner").held)


def test_acting_in_anothers_place_gains_nothing() -> None:
    refuse_taking_over(one_with("owner"), one_with("finance").held)
    refuse_taking_over(one_with("administrator"), one_with("team-owner", "sales").held)
    with pytest.raises(ForbiddenError, match=r"gain credit\.write"):
        refuse_taking_over(one_with("administrator"), one_with("finance").held)


def test_scopes_narrow_what_may_be_given() -> None:
    by = Principal(
        Actor("user", "o"), one_with("owner").held, frozenset({"users.write", "users.read"})
    )
    with pytest.raises(ForbiddenError):
        refuse_giving(by, BUILT_IN_ROLES["auditor"], None)
    refuse_permissions(by, ["users.read"], None)
    assert not by.may("owners.write")
