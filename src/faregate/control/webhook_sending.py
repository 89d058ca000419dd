"""Sends one delivery: a POST to an address that was looked at before.

The name is resolved here, every address it has is judged, and the connection goes to one of
these very addresses: a name that means something else a moment later leads nowhere. Redirects
are not followed, proxies are not used. One time holds for all of it, so a receiver that drips
its answer holds up nothing.
"""

import asyncio
import functools
import os
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from faregate.core.bounds import WEBHOOK_REPLY_BYTES_MAX
from faregate.identity.webhook_addresses import refusal
from faregate.storage.webhook_outbox import Tried
from faregate.wire.reply_reader import ReplyHead, ReplyReader

_READ_BYTES: Final = 16 * 1024
_NEXT_ADDRESS_S: Final = 4.0  # that one of several addresses has to take a connection


class Answer(ReplyReader):
    """What a receiver answers: the status, and the first part of its body."""

    def __init__(self) -> None:
        super().__init__()
        self.head: ReplyHead | None = None
        self.body = b""
        self.complete = False
        self.problem: str | None = None

    def reply_head(self, head: ReplyHead) -> None:
        """Keep the head."""
        self.head = head

    def reply_data(self, data: bytes) -> None:
        """Keep as much of the body as the log does."""
        self.body = (self.body + data)[:WEBHOOK_REPLY_BYTES_MAX]
        self.complete = self.complete or len(self.body) >= WEBHOOK_REPLY_BYTES_MAX

    def reply_end(self) -> None:
        """No more is read."""
        self.complete = True

    def reply_broken(self, detail: str) -> None:
        """What came is no answer."""
        self.problem = detail
        self.complete = True


class RefusedAddressError(OSError):
    """An address that nothing is sent to."""


async def send(
    url: str,
    fields: Mapping[str, str],
    body: bytes,
    *,
    timeout_s: float,
    private_addresses: bool,
    context: ssl.SSLContext | None = None,
) -> Tried:
    """POST `body`; raises nothing: what goes wrong is in the result."""
    at_ns = time.time_ns()
    begun = time.monotonic()
    answer = Answer()
    error: str | None = None
    try:
        async with asyncio.timeout(timeout_s):
            await _post(url, fields, body, answer, private_addresses, context)
    except TimeoutError:
        error = f"no answer within {timeout_s:g} seconds"
    except ssl.SSLError as failure:
        error = f"TLS failed: {failure.reason or failure}"
    except OSError as failure:
        # asyncio's own words name the address alone.
        error = os.strerror(failure.errno).lower() if failure.errno else str(failure)
    except ValueError as failure:
        error = f"the address can't be used: {failure}"
    error = error or answer.problem
    head = answer.head
    duration_us = int((time.monotonic() - begun) * 1e6)
    if head is None:
        return Tried(at_ns, duration_us, error=(error or "the connection ended early")[:500])
    return Tried(
        at_ns,
        duration_us,
        status=head.status,
        error=None,
        reply=answer.body.decode("utf-8", "replace").replace("\0", "") or None,
        retry_after_s=_retry_after(head),
    )


async def _post(
    url: str,
    fields: Mapping[str, str],
    body: bytes,
    answer: Answer,
    private_addresses: bool,
    context: ssl.SSLContext | None,
) -> None:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if tls else 80)
    addresses = await _resolve(host, port, private_addresses, tls)
    secure = (context or _usual_context()) if tls else None
    reader, writer = await _connect(addresses, port, secure, host if tls else None)
    try:
        target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        head = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}"]
        head += [f"{name}: {value}" for name, value in fields.items()]
        head += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(head).encode("ascii") + body)
        answer.expect_reply()
        await writer.drain()
        while not answer.complete:
            data = await reader.read(_READ_BYTES)
            if not data:
                answer.feed_eof()
                return
            answer.feed(data)
    finally:
        # Nothing is waited for: whoever is slow here has had its time.
        writer.transport.abort()


async def _connect(
    addresses: list[str], port: int, secure: ssl.SSLContext | None, name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of the addresses that takes one."""
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(_NEXT_ADDRESS_S):
                return await asyncio.open_connection(
                    address, port, ssl=secure, server_hostname=name
                )
        except (TimeoutError, OSError):
            continue
    return await asyncio.open_connection(addresses[-1], port, ssl=secure, server_hostname=name)


async def _resolve(host: str, port: int, private_addresses: bool, tls: bool) -> list[str]:
    """The addresses of a host, all of which must be allowed."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as failure:
        raise OSError(f"the name {host!r} is not found: {failure}") from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for address in addresses:
        problem = refusal(address, private_addresses=private_addresses, tls=tls)
        if problem is not None:
            raise RefusedAddressError(f"the address is refused: {problem}")
    if not addresses:
        raise OSError(f"the name {host!r} has no address")
    return addresses


@functools.cache
def _usual_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _retry_after(head: ReplyHead) -> float | None:
    text = head.all_fields().get(b"retry-after", b"")
    return float(text) if text.isdigit() and len(text) < 10 else None
