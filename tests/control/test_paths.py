"""A name with a slash is one part of a path when the slash is encoded."""

import pytest
from starlette.testclient import TestClient
from tests.control.managed import Api

from faregate.control.app import create_app
from faregate.control.context import Caller, Context
from faregate.control.management import Management
from faregate.control.operations import Routes
from faregate.control.paths import in_path, routed
from faregate.identity.permissions import machine_principal

routes = Routes("Things")


@routes.get("/v1/things/{name}", "models.read", reply=str)
def get_thing(context: Context, name: str) -> str:
    """Show a thing."""
    return f"thing {name}"


@routes.get("/v1/things/{name}/parts", "models.read", reply=str)
def list_thing_parts(context: Context, name: str) -> str:
    """Show the parts of a thing."""
    return f"parts of {name}"


@routes.get("/v1/trees/{root}/{leaf:path}", "models.read", reply=str)
def get_leaf(context: Context, root: str, leaf: str) -> str:
    """Show a leaf."""
    return f"{root} {leaf}"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/things/shop", "thing shop"),
        ("/v1/things/openai%2Fgpt-5", "thing openai/gpt-5"),
        ("/v1/things/openai%2fgpt-5/parts", "parts of openai/gpt-5"),
        ("/v1/things/m%20from%202027-01-01T00:00:00Z", "thing m from 2027-01-01T00:00:00Z"),
        ("/v1/trees/a%2Fb/c/d", "a/b c/d"),
        ("/v1/trees/a/c%2Fd", "a c/d"),
    ],
)
def test_slashes(api: Api, management: Management, path: str, told: str) -> None:
    api = Api(management, [routes])
    assert api.good("GET", path) == told


def test_a_plain_slash_ends_a_part(management: Management) -> None:
    who = Caller(machine_principal(Api(management).principal.actor), "")  # type: ignore[union-attr]
    client = TestClient(create_app(management, lambda _: who, [routes]))
    assert client.get("/v1/things/openai/gpt-5").status_code == 404


def test_paths_as_they_are_routed() -> None:
    assert routed("/v1/a/{b}/c") == "/v1/a/{b:faregate_name}/c"
    assert routed("/v1/a/{b:path}") == "/v1/a/{b:faregate_names}"
    assert in_path("sales/shop @:+") == "sales%2Fshop%20@:+"
