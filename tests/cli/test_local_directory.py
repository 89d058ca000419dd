"""People and programs of this machine are managed by whoever runs the command."""

import pytest
from tests.cli.console import Console

from faregate.cli.directory_desk import Desk, opened_desk
from faregate.cli.session import actor
from faregate.core.errors import ConfigurationError, ConflictError, MissingError
from faregate.identity.tokens import is_one_time_password

ADMIN = "admin@localhost"


def test_users(console: Console) -> None:
    with opened_desk() as desk:
        made = desk.users.invite("bob@example.com", "auditor", None)
        assert made["url"] == f"http://127.0.0.1:8403/accept-invitation#token={made['token']}"
        assert [one["state"] for one in desk.users.all(None, None)] == ["active", "invited"]
        with pytest.raises(ConfigurationError, match="accepting"):
            desk.users.unlock("bob@example.com")
        assert is_one_time_password(desk.users.reset(ADMIN)["one_time_password"])
        assert "/reset-password#token=" in desk.users.reset_by_link(ADMIN)["url"]
        with pytest.raises(ConflictError, match="last owner"):
            desk.users.lock(ADMIN)
        changed = desk.users.change_roles(ADMIN, lambda one: [*one["roles"], "finance"])
        assert changed["roles"] == ["finance", "owner"]
        assert desk.users.remove("BOB@example.com") == "bob@example.com"
    written = console.good("audit", "list", "--json").json
    assert {one["actor"] for one in written if one["act"] == "users.remove"} == {actor()}


def test_roles_members_and_programs(console: Console) -> None:
    console.good("teams", "add", "sales")
    with opened_desk() as desk:
        of_a_team(desk)
        role = desk.roles.add("support", ["keys.read"], "Looks.", of_team=True)
        assert desk.roles.get("support") == role == desk.roles.all()[-1]
        assert len(desk.roles.permissions()) > 40
        desk.roles.remove("support")
        with pytest.raises(MissingError, match="no role 'support'"):
            desk.roles.get("support")


def of_a_team(desk: Desk) -> None:
    """Members, accounts and tokens come and go."""
    member = desk.members.set("sales", ADMIN, ["team-owner"])
    assert desk.members.all("sales") == [member]
    assert desk.members.remove("sales", ADMIN) == ADMIN
    account = desk.service_accounts.add("sales", "ci", "team-viewer", "")
    assert desk.service_accounts.all(None) == desk.service_accounts.all("sales") == [account]
    made = desk.service_accounts.create_token("sales", "ci", "a", ["keys.read"], None)
    assert made.pop("token")
    assert desk.service_accounts.tokens("sales", "ci") == [made]
    desk.service_accounts.revoke_token("sales", "ci", "a")
    desk.service_accounts.remove("sales", "ci")
    assert desk.service_accounts.all("sales") == []
