"""What no operation answers is a problem too."""

from tests.control.managed import Api

from faregate.control.app import in_order
from faregate.control.registry import all_routes


def test_an_unknown_path_and_method_are_problems(api: Api) -> None:
    assert api.bad(404, "GET", "/nowhere")["code"] == "not_found"
    assert api.bad(405, "DELETE", "/v1/health")["code"] == "method_not_allowed"


def test_a_query_out_of_bounds_names_its_parameter(api: Api) -> None:
    problem = api.bad(400, "GET", "/v1/nodes?limit=0")
    assert problem["errors"][0]["field"] == "limit"


def test_a_fixed_path_comes_before_one_that_would_take_it() -> None:
    paths = [one.path for one in in_order([o for r in all_routes() for o in r.operations])]
    for at, path in enumerate(paths):
        if path.endswith("/bulk"):
            item = path.removesuffix("bulk") + "{name}"
            assert item not in paths or paths.index(item) > at


def test_whether_it_answers_needs_no_login(api: Api) -> None:
    assert api.as_(None).good("GET", "/v1/health")["status"] == "alive"
