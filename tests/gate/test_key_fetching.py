"""Keys are fetched over HTTP or from a file, and Cache-Control is read."""

from http.client import HTTPException
from pathlib import Path

import pytest
from tests.gate.identity_provider import identity_provider

from faregate.gate.key_fetching import fetch_keys, max_age_s
from faregate.policies.key_sets import FRESH_S_MIN, read_key_set


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("public", None),
        ("max-age=300", 300.0),
        ("public, Max-Age=60, must-revalidate", 60.0),
        ('max-age="5"', 5.0),
        ("s-maxage=9", None),
        ("no-store", 0.0),
        ("no-cache, max-age=9", 0.0),
        ("max-age=", None),
        ("max-age=-1", None),
    ],
)
def test_how_long_keys_are_fresh(text: str, seconds: float | None):
    assert max_age_s(text) == seconds


async def test_over_http():
    async with identity_provider() as provider:
        provider.headers = "cache-control: max-age=90\r\n"
        fetched = await fetch_keys(provider.issuer())
        assert fetched.max_age_s == 90.0
        assert [key.kid for key in read_key_set(fetched.body)] == ["k0"]
        provider.status = "302 Found"
        provider.headers = f"location: {provider.jwks_url}\r\n"
        with pytest.raises(OSError, match="302"):
            await fetch_keys(provider.issuer())
        assert provider.asked == 2
    with pytest.raises((OSError, HTTPException)):
        await fetch_keys(provider.issuer())


async def test_from_a_file(tmp_path: Path):
    async with identity_provider() as provider:
        file = tmp_path / "keys.json"
        file.write_bytes(provider.key_set())
        issuer = provider.issuer(jwks_url=None, jwks_file=str(file))
        fetched = await fetch_keys(issuer)
        assert (fetched.body, fetched.max_age_s) == (provider.key_set(), FRESH_S_MIN)
        file.unlink()
        with pytest.raises(OSError, match="No such file"):
            await fetch_keys(issuer)
        assert provider.asked == 0
