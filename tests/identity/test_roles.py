"""Custom roles are checked, and what is held is the sum of what was given."""

import pytest

from faregate.core.errors import ConfigurationError
from faregate.identity.permissions import BUILT_IN_ROLES, Held, Role
from faregate.identity.roles import RoleGrant, checked_permissions, checked_role, held_by


def role(name: str = "support", *permissions: str, of_team: bool = False) -> Role:
    """A custom role."""
    return Role(name, "s", frozenset(permissions or ("calls.read",)), of_team=of_team)


def test_a_good_one() -> None:
    assert checked_role(role()) == role()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (role("Support"), "can't be a role's name"),
        (role("owner"), "built-in role"),
        (Role("x", "", frozenset()), "allows nothing"),
        (role("x", "call.read"), "did you mean 'calls.read'"),
        (role("x", "users.read", of_team=True), "means nothing in a team"),
    ],
)
def test_wrong_ones(wrong: Role, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked_role(wrong)


def test_permissions_of_tokens() -> None:
    assert checked_permissions(["users.read"]) == {"users.read"}
    with pytest.raises(ConfigurationError, match=r"no permission 'nothing\.such'"):
        checked_permissions(["nothing.such"])


def test_what_is_held() -> None:
    roles = {**BUILT_IN_ROLES, "support": role(), "desk": role("desk", "keys.read", of_team=True)}
    held = held_by(
        [
            RoleGrant("support"),
            RoleGrant("desk", "sales"),
            RoleGrant("team-viewer", "sales"),
            RoleGrant("desk", "care"),
            RoleGrant("gone"),
            RoleGrant("owner", "sales"),
            RoleGrant("team-owner"),
        ],
        roles,
    )
    assert held == (
        Held(frozenset({"calls.read"})),
        Held(frozenset({"keys.read"}), "care"),
        Held(BUILT_IN_ROLES["team-viewer"].permissions | {"keys.read"}, "sales"),
    )
    assert held_by([], roles) == ()
