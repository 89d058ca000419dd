"""Signs requests as callers do: RFC 9421 with hmac-sha256, RFC 9530 for the body."""

import base64
import hashlib
import hmac
import secrets
import time

SECRET = "s3cret-of-the-shop-that-is-long-enough"


def sign_request(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    secret: str = SECRET,
    keyid: str = "shop",
    created: int | None = None,
    nonce: str | None = None,
    components: tuple[str, ...] | None = None,
    more: str = "",
) -> dict[str, str]:
    """The fields of a signed request."""
    path, _, query = target.partition("?")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    values = {"@method": method, "@path": path, "@query": f"?{query}"}
    fields = {}
    if body:
        fields["content-digest"] = values["content-digest"] = f"sha-256=:{digest}:"
    names = tuple(values) if components is None else components
    created = int(time.time()) if created is None else created
    nonce = secrets.token_urlsafe(16) if nonce is None else nonce
    covered = " ".join(f'"{name}"' for name in names)
    parameters = (
        f'({covered});created={created};keyid="{keyid}";nonce="{nonce}";alg="hmac-sha256"{more}'
    )
    lines = [f'"{name}": {values[name]}' for name in names]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    mac = hmac.digest(secret.encode(), base.encode(), "sha256")
    fields["signature-input"] = f"sig={parameters}"
    fields["signature"] = f"sig=:{base64.b64encode(mac).decode()}:"
    return fields
