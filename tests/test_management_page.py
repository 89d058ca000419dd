"""The reference of the management API says what operations declare."""

import json

from docs import management_page as page

from faregate.identity.permissions import BUILT_IN_ROLES


def operation(name: str):
    return next(one for one in page.operations() if one.id == name)


def test_an_owner_may_everything():
    assert {page.allowed(one, "owner") for one in page.operations()} <= {page.YES, page.OWN}


def test_a_role_of_a_team_sees_its_own_across_teams():
    assert page.allowed(operation("list_calls"), "team-viewer") == page.OWN
    assert page.allowed(operation("list_team_calls"), "team-viewer") == page.YES
    assert page.allowed(operation("list_nodes"), "team-owner") == page.NO
    assert page.allowed(operation("get_health"), "team-viewer") == page.YES


def test_every_operation_and_role_is_on_the_page():
    text = page.page()
    assert all(f"`{one.id}`" in text for one in page.operations())
    assert all(f"`{role}`" in text for role in BUILT_IN_ROLES)


def test_the_document_is_openapi():
    document = json.loads(page.openapi_json())
    assert document["openapi"].startswith("3.1")
    named = {one["operationId"] for path in document["paths"].values() for one in path.values()}
    assert named == {one.id for one in page.operations()}
