"""Secrets of items are sealed, and the environment is the organisation's."""

import pytest
from tests.control.managed import Api, holder

SECRET = "sk-planted-0123456789abcdef0123456789"


@pytest.fixture
def api(stocked: Api) -> Api:
    """The operations where there are items of all kinds."""
    return stocked


def test_a_secret_is_sealed_and_never_shown(api: Api) -> None:
    body = {
        "name": "anthropic",
        "vendor": "anthropic",
        "keys": [{"name": "first", "secret": SECRET}],
        "headers": {"x-secret-token": SECRET},
    }
    made = api.ask("POST", "/v1/providers", body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["keys"][0]["secret"] == shown["headers"]["x-secret-token"] == "${sealed}"
    revisions = api.management.installation.revisions
    clear = next(one for one in revisions.current().clear.providers if one.name == "anthropic")
    assert clear.keys[0].secret == clear.headers["x-secret-token"] == SECRET
    etag = made.headers["etag"]
    kept = api.good("PUT", "/v1/providers/anthropic", {**body, "keys": shown["keys"],
                    "headers": shown["headers"]}, if_match=etag)  # fmt: skip
    assert kept == shown
    changed = api.good("PATCH", "/v1/providers/anthropic", {"connections_max": 7}, if_match=etag)
    assert changed["connections_max"] == 7
    clear = next(one for one in revisions.current().clear.providers if one.name == "anthropic")
    assert clear.keys[0].secret == SECRET
    everything = "".join(
        api.ask("GET", path).text
        for path in (
            "/v1/providers",
            "/v1/configuration",
            "/v1/revisions",
            f"/v1/revisions/{api.management.index.document()[0]}",
        )
    )
    assert SECRET not in everything + made.text
    stored = b"".join(
        path.read_bytes() for path in api.management.home.root.rglob("*") if path.is_file()
    )
    assert SECRET.encode() not in stored


def test_errors_do_not_repeat_a_secret(api: Api) -> None:
    for body in (
        {"name": "x y", "api_key": SECRET},
        {"name": "x", "vendor": "nobody", "api_key": SECRET},
        {"name": "x", "api_key": [SECRET]},
        {"name": "x", "base_url": "http://127.0.0.1:9", "api_key": f"{SECRET}${{env:X}}"},
    ):
        response = api.ask("POST", "/v1/providers", body)
        assert response.status_code == 422, response.text
        assert SECRET not in response.text


def test_a_placeholder_stands_for_a_secret_that_is_there(api: Api) -> None:
    problem = api.bad(422, "PATCH", "/v1/providers/openai", {"api_key": "${sealed}"}, if_match="*")
    assert problem["errors"][0]["field"] == "api_key"
    foreign = "${sealed:v1:AAAA}"
    problem = api.bad(422, "PATCH", "/v1/providers/openai", {"api_key": foreign}, if_match="*")
    assert problem["errors"][0]["field"] == "api_key"


def test_the_servers_environment_is_the_organisations(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", SECRET)
    monkeypatch.setenv("FAREGATE_MASTER_KEY_COPY", SECRET)
    patch = {"api_key": "${env:SOME_KEY}"}
    shown = api.good("PATCH", "/v1/providers/openai", patch, if_match="*")
    assert shown["api_key"] == "${env:SOME_KEY}"
    patch = {"headers": {"x-key": "${env:FAREGATE_MASTER_KEY_COPY}"}}
    problem = api.bad(422, "PATCH", "/v1/providers/openai", patch, if_match="*")
    assert problem["errors"][0]["field"] == "headers[x-key]"
    api.as_(holder("team-owner", "sales"))
    patch = {"headers": {"x-key": "${env:SOME_KEY}"}}
    problem = api.bad(422, "PATCH", "/v1/teams/sales/providers/own", patch, if_match="*")
    assert problem["errors"][0]["field"] == "headers[x-key]"


def test_variables_that_callers_are_told_need_the_right_to_apply(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PAGE", "https://example.com/buy")
    quota = {"name": "month", "max": 5, "upgrade_url": "${env:SOME_PAGE}"}
    api.as_(holder("finance"))
    problem = api.bad(403, "PATCH", "/v1/plans/pro", {"quotas": [quota]}, if_match="*")
    assert "revisions.write" in problem["detail"]
    api.as_(holder("administrator"))
    api.good("PATCH", "/v1/plans/pro", {"quotas": [quota]}, if_match="*")
    api.as_(holder("finance"))
    shown = api.good("PATCH", "/v1/plans/pro", {"markup": "3"}, if_match="*")
    assert shown["quotas"][0]["upgrade_url"] == "${env:SOME_PAGE}"
