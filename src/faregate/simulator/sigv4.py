"""Verification of AWS Signature Version 4, from the receiver's side.

Written from the specification alone, so that it can judge those who sign.

Sources: "Create a signed AWS API request" and "Troubleshoot Signature Version 4" of the AWS
IAM guide; "Common errors" of the Bedrock reference.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from faregate.simulator.errors import RefusedError

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW_SECONDS_MAX: Final = 300
TERMINATOR: Final = "aws4_request"

_FIELDS: Final = re.compile(
    rf"{ALGORITHM} +Credential=(?P<key>.+)/(?P<day>\d{{8}})/(?P<region>[\w-]+)/"
    rf"(?P<service>[\w-]+)/{TERMINATOR}, *SignedHeaders=(?P<signed>[\w;.-]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def access_key(authorization: str) -> str | None:
    """The access key id of an Authorization header, or None."""
    found = _FIELDS.fullmatch(authorization.strip())
    return found["key"] if found else None


def verify(
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    secret: Callable[[str], str | None],
    now: datetime,
) -> None:
    """Check a signature; `secret` knows the secret of an access key id.

    Raises `RefusedError` as AWS does.
    """
    found = _FIELDS.fullmatch(headers.get("authorization", "").strip())
    if found is None:
        raise _refused("Missing Authentication Token", "MissingAuthenticationTokenException")
    known = secret(found["key"])
    if known is None:
        raise _refused(
            "The security token included in the request is invalid.",
            "UnrecognizedClientException",
        )
    stamp = headers.get("x-amz-date", "")
    _check_time(stamp, found["day"], now)
    signed = found["signed"].split(";")
    if "host" not in signed or any(name not in headers for name in signed):
        raise _refused(_MISMATCH)
    shown = headers.get("x-amz-content-sha256")
    payload = hashlib.sha256(body).hexdigest()
    if shown not in (None, payload, "UNSIGNED-PAYLOAD"):
        raise _refused(_MISMATCH)
    canonical = _canonical(method, target, headers, signed, shown or payload)
    scope = f"{found['day']}/{found['region']}/{found['service']}/{TERMINATOR}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    key = f"AWS4{known}".encode()
    for part in (found["day"], found["region"], found["service"], TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    made = hmac.digest(key, text.encode(), "sha256").hex()
    if not hmac.compare_digest(made, found["signature"]):
        raise _refused(_MISMATCH)


def _refused(message: str, error_type: str = "InvalidSignatureException") -> RefusedError:
    return RefusedError(message, "auth", code=error_type)


def _check_time(stamp: str, day: str, now: datetime) -> None:
    try:
        sent = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _refused("Authorization header requires existence of either a 'X-Amz-Date' or a "
                       "'Date' header.", "IncompleteSignatureException") from None  # fmt: skip
    if not stamp.startswith(day):
        raise _refused("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                       f"date from HTTP: '{day}' != '{stamp[:8]}'.")  # fmt: skip
    if abs((now - sent).total_seconds()) > SKEW_SECONDS_MAX:
        raise _refused(f"Signature expired: {stamp} is now earlier or later than allowed.")


def _canonical(
    method: str, target: str, headers: dict[str, str], signed: list[str], payload: str
) -> str:
    path, _, query = target.partition("?")
    # Every service but S3 encodes the path as it was sent once more.
    uri = quote(path or "/", safe="/-_.~")
    pairs = sorted(
        (quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~"))
        for name, value in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    )
    fields = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    return "\n".join(
        (
            method,
            uri,
            "&".join(f"{name}={value}" for name, value in pairs),
            fields,
            ";".join(signed),
            payload,
        )
    )
