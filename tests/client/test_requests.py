"""Requests are values: names in paths are whole, what wasn't given isn't asked."""

import datetime as dt
from decimal import Decimal

import pytest

from faregate.client.requests import Page, Request, asked, at_cursor, place
from faregate.core.errors import MissingError


@pytest.mark.parametrize(
    ("template", "values", "path"),
    [
        ("/v1/keys", {}, "/v1/keys"),
        ("/v1/keys", {"team": "sales"}, "/v1/teams/sales/keys"),
        ("/v1/teams/{team}/keys", {"team": "a b"}, "/v1/teams/a%20b/keys"),
        ("/v1/models/{name}", {"name": "openai/gpt"}, "/v1/models/openai%2Fgpt"),
        ("/v1/models/{name}", {"name": "../keys?x#y"}, "/v1/models/..%2Fkeys%3Fx%23y"),
        ("/v1/models/{name}", {"name": "."}, "/v1/models/%2E"),
        ("/v1/models/{name}/x", {"name": ".."}, "/v1/models/%2E%2E/x"),
        ("/v1/models/{name}", {"name": "..."}, "/v1/models/..."),
        ("/v1/revisions/{number}", {"number": 7}, "/v1/revisions/7"),
    ],
)
def test_places(template: str, values: dict[str, str], path: str) -> None:
    assert place(template, **values) == path


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("/v1/keys", {"team": ""}, "there is no team ''"),
        ("/v1/tokens/{token_id}", {"token_id": ""}, "there is no token ''"),
    ],
)
def test_nothing_is_no_name(template: str, values: dict[str, str], message: str) -> None:
    with pytest.raises(MissingError, match=message) as raised:
        place(template, **values)
    assert raised.value.fix


def test_queries() -> None:
    moment = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    query = asked(a=None, b=True, c=7, d=moment, e=Decimal("1.50"), f=["x", 1])
    assert query == {
        "b": "true",
        "c": "7",
        "d": "2026-12-01T00:00:00Z",
        "e": "1.50",
        "f": ["x", "1"],
    }


def test_the_next_page_keeps_the_rest() -> None:
    request: Request[Page[int]] = Request("GET", "/v1/x", Page[int], query={"team": "sales"})
    assert at_cursor(request, "abc").query == {"team": "sales", "cursor": "abc"}
    assert request.query == {"team": "sales"}


def test_what_may_be_sent_twice() -> None:
    assert Request("GET", "/", None).may_repeat
    assert Request("POST", "/", None, repeatable=True).may_repeat
    assert not Request("POST", "/", None).may_repeat
    assert not Request("DELETE", "/", None).may_repeat
