"""A single request gets its reply as it is; a key is never sent on."""

from tests.cli.test_provider_probe import answering

from faregate.configuration.document import Provider
from faregate.net.blocking import fetch


def test_replies_come_as_they_are() -> None:
    with answering(429, b"x" * 100, {"X-Wait": "3"}) as (url, seen):
        provider = Provider(name="p", base_url=url, proxy="none")
        found = fetch(provider, url, {"a": "b"}, b"{}", timeout_s=5.0, body_bytes_max=10)
    assert (found.status, found.headers["x-wait"], found.body) == (429, "3", b"x" * 10)
    assert found.first_byte_ms > 0
    assert seen[0]["a"] == "b"


def test_redirects_are_not_followed() -> None:
    with answering(200) as (other, other_seen):
        with answering(302, headers={"location": other}) as (url, _):
            provider = Provider(name="p", base_url=url, proxy="none")
            found = fetch(provider, url, {}, None, timeout_s=5.0, body_bytes_max=10)
        assert other_seen == []
    assert found.status == 302
