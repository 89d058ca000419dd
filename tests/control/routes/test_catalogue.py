"""What is known of vendors' models is found by name, ability and price."""

from tests.control.managed import Api, holder


def test_models_are_found_by_what_they_can_and_cost(api: Api) -> None:
    path = "/v1/catalogue/models?vendor=openai&can=vision,tools&max_price=1&limit=200"
    found = api.good("GET", path)["items"]
    assert found
    for one in found:
        assert one["vendor"] == "openai"
        assert {"vision", "tools"} <= set(one["can"])
        assert float(one["price"]["input"]) <= 1


def test_one_is_shown_by_its_name_and_one_that_is_not_known_is_404(api: Api) -> None:
    [one, *_] = api.good("GET", "/v1/catalogue/models?vendor=openai")["items"]
    assert api.good("GET", f"/v1/catalogue/models/openai/{one['model']}") == one
    api.bad(404, "GET", "/v1/catalogue/models/openai/no/such/model")


def test_a_member_of_a_team_may_look_things_up(api: Api) -> None:
    api.as_(holder("team-viewer", "sales"))
    assert api.good("GET", "/v1/catalogue/models?search=gpt&limit=1")["items"]
