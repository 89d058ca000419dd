"""Fetches the keys of identity providers, beside the calls.

Over HTTP as other single requests go, by the system's proxies and without redirects; or from a
file. Both block, and are done in threads.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from faregate.configuration.callers import JwtIssuer
from faregate.configuration.document import Provider, ProviderTls
from faregate.net.blocking import fetch
from faregate.policies.key_sets import BODY_BYTES_MAX, FRESH_S_MIN, FetchedKeys

TIMEOUT_S: Final = 5.0  # of one read
TOTAL_S: Final = 15.0
_OK: Final = 200
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,10})\b", re.I)
_ACCEPT: Final = {"accept": "application/jwk-set+json, application/json"}


async def fetch_keys(issuer: JwtIssuer) -> FetchedKeys:
    """The JWK set of an issuer as it is now.

    Raises `OSError`, `http.client.HTTPException`, `ValueError` and `TimeoutError`.
    """
    read = _read_file if issuer.jwks_url is None else _ask
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(loop.run_in_executor(None, read, issuer), TOTAL_S)


def _read_file(issuer: JwtIssuer) -> FetchedKeys:
    with Path(issuer.jwks_file or "").open("rb") as opened:
        return FetchedKeys(opened.read(BODY_BYTES_MAX + 1), FRESH_S_MIN)


def _ask(issuer: JwtIssuer) -> FetchedKeys:
    by = Provider(name="jwks", proxy=issuer.proxy, tls=ProviderTls(ca_file=issuer.ca_file))
    reply = fetch(
        by,
        issuer.jwks_url or "",
        _ACCEPT,
        None,
        timeout_s=TIMEOUT_S,
        body_bytes_max=BODY_BYTES_MAX + 1,
    )
    if reply.status != _OK:
        raise OSError(f"{issuer.jwks_url} answered with the status {reply.status}")
    return FetchedKeys(reply.body, max_age_s(reply.headers.get("cache-control", "")))


def max_age_s(cache_control: str) -> float | None:
    """How long keys are fresh by Cache-Control; None: it says nothing."""
    words = cache_control.lower()
    if "no-store" in words or "no-cache" in words:
        return 0.0
    found = _MAX_AGE.search(words)
    return float(found[1]) if found is not None else None
