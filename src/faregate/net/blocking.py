"""Single requests to a provider, which may block.

They are for commands and for what goes on beside the calls. They go by the provider's own proxy
and certificates; redirects are never followed, for a key must not be sent on to another address.
"""

import ssl
import time
import urllib.error
import urllib.request
from typing import Any

import msgspec

from faregate.configuration.document import Provider


class Fetched(msgspec.Struct, frozen=True):
    """A reply; names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    first_byte_ms: float


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Leave the redirect as it is."""


def fetch(
    provider: Provider,
    address: str,
    headers: dict[str, str],
    body: bytes | None,
    *,
    timeout_s: float,
    body_bytes_max: int,
) -> Fetched:
    """The reply to a POST of `body`, or to a GET without one.

    Raises OSError, `http.client.HTTPException` and ValueError.
    """
    request = urllib.request.Request(address, body, headers)  # noqa: S310 - http(s) by a rule
    begun = time.monotonic()
    try:
        reply = _opener(provider).open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        first_byte_ms = (time.monotonic() - begun) * 1_000
        fields = {name.lower(): value for name, value in reply.headers.items()}
        return Fetched(reply.status, fields, reply.read(body_bytes_max), first_byte_ms)


def _opener(provider: Provider) -> urllib.request.OpenerDirector:
    tls = provider.tls
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.certificate_file:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    proxies = {
        "environment": None,
        "none": {},
    }.get(provider.proxy, {"http": provider.proxy, "https": provider.proxy})
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=context),
        _NoRedirects(),
    )
