"""Signs requests to AWS, Signature Version 4, without I/O.

A signing key is derived once a day for each secret, region and service, and kept. Paths are
encoded twice, as all services but S3 want it: once for the wire (`wire_path`), which is what is
sent and given here, and once more for what is signed. So the ":" of a model's id is %3A on the
wire and %253A in what is signed.

Source: AWS IAM user guide, "Create a signed AWS API request", and "Troubleshoot Signature
Version 4" (double encoding).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = "-_.~"
_SPACES: Final = re.compile(r" +")
_KEYS_KEPT: Final = 256  # a day's, for each secret, region and service
# Hops may change these, and what authenticates isn't part of what is signed.
_UNSIGNED: Final = frozenset(("connection", "expect", "authorization", "user-agent", "te",
                              "transfer-encoding", "x-amzn-trace-id"))  # fmt: skip

Fields = list[tuple[str, str]]


def wire_path(*segments: str) -> str:
    """A path for the wire, with ":" and "/" in segments encoded as well."""
    return "/" + "/".join([quote(segment, safe=_UNRESERVED) for segment in segments])


def sign(
    method: str,
    host: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    body: bytes,
    access_key: str,
    secret_key: str,
    session_token: str | None,
    region: str,
    service: str,
    now: datetime,
) -> Fields:
    """The fields to add to a request: date, token and authorization.

    `path` is as on the wire; `query` is not encoded. `headers` are those to be signed beside the
    host; `now` is aware of its time zone.
    """
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    added: Fields = [("x-amz-date", moment)]
    if session_token:
        added.append(("x-amz-security-token", session_token))
    canonical, names = _canonical(method, path, query, [("host", host), *headers, *added], body)
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = _signing_key(secret_key, moment[:8], region, service)
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{_ALGORITHM} Credential={access_key}/{scope}"
    added.append(("authorization", f"{credential}, SignedHeaders={names}, Signature={signature}"))
    return added


def _canonical(
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> tuple[str, str]:
    """The text that is signed, and the names of the fields in it."""
    fields: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered not in _UNSIGNED:
            value = _SPACES.sub(" ", value.strip())
            fields[lowered] = f"{fields[lowered]},{value}" if lowered in fields else value
    ordered = sorted(fields)
    names = ";".join(ordered)
    listed = "".join([f"{name}:{fields[name]}\n" for name in ordered])
    pairs = sorted([(_encoded(name), _encoded(value)) for name, value in query])
    asked = "&".join([f"{name}={value}" for name, value in pairs])
    signed_path = quote(path or "/", safe="/" + _UNRESERVED)
    payload = hashlib.sha256(body).hexdigest()
    return f"{method}\n{signed_path}\n{asked}\n{listed}\n{names}\n{payload}", names


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED)


@lru_cache(_KEYS_KEPT)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret_key.encode()
    for text in (day, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return key
