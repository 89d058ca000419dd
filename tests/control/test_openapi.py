"""The OpenAPI document says all that a client needs."""

from typing import Any

import pytest
from tests.control.managed import Api


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    return api.client.get("/openapi.json").json()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for path in document["paths"].values() for one in path.values()]


def test_it_is_3_1_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    known = document["components"]["schemas"]

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            target = part.get("$ref")
            if isinstance(target, str):
                assert target.removeprefix("#/components/schemas/") in known
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)


def test_every_operation_has_a_name_a_summary_a_tag_and_its_permission(
    document: dict[str, Any],
) -> None:
    for one in operations(document):
        assert one["operationId"]
        assert one["summary"].endswith(".")
        assert one["tags"]
        assert "x-permission" in one
        assert one["security"] == [] or one["x-permission"] is not None


def test_every_reply_with_a_body_has_a_schema(document: dict[str, Any]) -> None:
    for one in operations(document):
        for status, reply in one["responses"].items():
            assert reply["description"]
            for media_type in reply.get("content", {}).values():
                assert media_type.get("schema") or int(status) < 300, one["operationId"]


def test_problems_are_said_where_they_can_be(document: dict[str, Any]) -> None:
    place = document["paths"]["/v1/teams/{team}/calls"]["get"]["responses"]
    assert {"200", "400", "401", "403", "404"} <= set(place)
    schema = place["404"]["content"]["application/problem+json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Problem"}
