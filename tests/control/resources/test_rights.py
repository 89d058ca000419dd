"""Credit, plans, others' wallets and the server's own files are not a team's to give."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.control.managed import ROOT, holder
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.configuration.commerce import Grant, Wallet
from faregate.configuration.document import Document
from faregate.configuration.single_sign_on import GroupRole, SingleSignOn
from faregate.control.management import Management
from faregate.control.problems import ProblemError
from faregate.control.resources.kinds import KINDS
from faregate.control.resources.rights import check_document, check_item
from faregate.identity.permissions import Role, machine_principal

OWNER = holder("team-owner", "sales")


def item(kind: str, **fields: Any) -> Any:
    """An item of a kind."""
    return msgspec.convert(fields, KINDS[kind].type)


@pytest.mark.parametrize(
    ("kind", "before", "after", "allowed"),
    [
        ("applications", None, {"wallet": "sales/main"}, True),
        ("applications", None, {"wallet": "main"}, False),
        ("applications", {"wallet": "main"}, {"wallet": "main"}, True),
        ("applications", {"wallet": "main"}, {"wallet": "sales/main"}, True),
        ("applications", {"wallet": "main"}, {"wallet": None}, True),
        ("applications", None, {"plan": "pro"}, False),
        ("applications", {"plan": "pro"}, {"plan": "pro"}, True),
        ("applications", {"plan": "pro"}, {"plan": None}, False),
        ("applications", {"plan": "pro"}, None, True),
        ("providers", None, {}, True),
        ("providers", None, {"proxy": "http://127.0.0.1:1"}, False),
        ("providers", {"proxy": "none"}, {"proxy": "none"}, True),
        ("providers", None, {"tls": {"key_file": "/x"}}, False),
        ("wallets", None, {}, True),
        ("wallets", None, {"grants": [{"name": "g", "amount": "1"}]}, False),
        ("wallets", {"grants": [{"name": "g", "amount": "1"}]}, {}, True),
        ("models", None, {"provider": "openai"}, True),
    ],
)
def test_a_team_owner(kind: str, before: Any, after: Any, allowed: bool) -> None:
    def made(fields: Any) -> Any:
        return None if fields is None else item(kind, name="sales/x", team="sales", **fields)

    for principal, passes in ((OWNER, allowed), (holder("owner"), True)):
        context = asking(principal=principal, team="sales")
        if passes:
            assert check_item(context, KINDS[kind], made(before), made(after)) is None
        else:
            with pytest.raises(ProblemError) as refused:
                check_item(context, KINDS[kind], made(before), made(after))
            assert refused.value.problem.status == 403


def test_credit_of_a_whole_document() -> None:
    before = document()
    grant = Grant(name="g", amount=Decimal(5))
    after = msgspec.structs.replace(before, wallets=(Wallet(name="main", grants=(grant,)),))
    administrator = asking(principal=holder("administrator"))
    check_document(administrator, before, before)
    check_document(administrator, after, before)
    with pytest.raises(ProblemError, match=r"credit\.write"):
        check_document(administrator, before, after)
    assert check_document(asking(principal=holder("owner")), before, after) is None


def test_roles_by_an_identity_provider(management: Management) -> None:
    root = machine_principal(ROOT)
    wide = frozenset({"credit.write", "wallets.read"})
    management.directory.roles.add(root, Role("banker", "Gives credit.", wide))
    management.directory.roles.add(root, Role("reader", "Reads.", frozenset({"plans.read"})))
    before = Document()
    for role, passes in (("auditor", True), ("reader", True), ("banker", False), ("new", False)):
        one = SingleSignOn(
            name="x", issuer="https://x", client_id="x", roles=(GroupRole(group="g", role=role),)
        )
        after = msgspec.structs.replace(before, identity_providers=(one,))
        context = asking(management, holder("administrator"))
        if passes:
            assert check_document(context, before, after) is None
        else:
            with pytest.raises(ProblemError, match="needs the permission"):
                check_document(context, before, after)
        check_document(context, after, after)
