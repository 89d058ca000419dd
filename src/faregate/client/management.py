"""Clients of the management API: one that blocks, one that awaits.

with Client("http://127.0.0.1:8403", token) as client:
    for key in client.all(list_keys(team="sales")):
        print(key.name)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx2

from faregate.client.exchange import Outgoing, answer, checked_url, outgoing, pause_s, unreachable
from faregate.client.requests import Answer, Page, Request, at_cursor
from faregate.core.errors import FaregateError

T = TypeVar("T")
TIMEOUT_S: Final = 30.0
RETRIES: Final = 2


def _options(ca: Path | str | None, timeout_s: float) -> dict[str, Any]:
    """`ca` is a file of certificates beside the system's own."""
    import ssl  # a client without TLS needs none of it

    verify: Any = True
    if ca is not None:
        try:
            verify = ssl.create_default_context(cafile=str(ca))
        except (OSError, ssl.SSLError) as error:
            raise FaregateError(
                f"the certificates in {ca} can't be read: {error}", fix="name a file in PEM"
            ) from error
    return {"timeout": timeout_s, "verify": verify, "follow_redirects": False}


class Client:
    """Sends requests to one installation, as the owner of `token`.

    Raises `ProblemError` where the installation refuses, `UnreachableError` where it doesn't
    answer. What may be repeated is sent again up to `retries` times, after the time that the
    installation says: reading, and making things with an Idempotency-Key, which every such request
    gets. `insecure` allows an address of another machine without TLS. `transport` is for tests.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        ca: Path | str | None = None,
        insecure: bool = False,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.url = checked_url(url, insecure=insecure)
        self._token = token
        self._retries = retries
        self._http = httpx2.Client(
            base_url=self.url, transport=transport, **_options(ca, timeout_s)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def send(self, request: Request[T]) -> T:
        """What comes back for `request`."""
        return self.fetch(request).value

    def fetch(self, request: Request[T]) -> Answer[T]:
        """The same with the version of what came back."""
        out = outgoing(request, self._token)
        for attempt in range(self._retries + 1):
            try:
                return self._exchange(request, out)
            except FaregateError as error:
                pause = _pause(request, error, attempt, self._retries)
                if pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError("the last attempt gives or raises")

    def pages(self, request: Request[Page[T]]) -> Iterator[Page[T]]:
        """All pages of a list."""
        while True:
            page = self.send(request)
            yield page
            if page.next_cursor is None:
                return
            request = at_cursor(request, page.next_cursor)

    def all(self, request: Request[Page[T]]) -> Iterator[T]:
        """All items of a list, page by page."""
        for page in self.pages(request):
            yield from page.items

    def _exchange(self, request: Request[T], out: Outgoing) -> Answer[T]:
        try:
            reply = self._http.request(
                out.method, out.path, params=out.query, headers=out.headers, content=out.content
            )
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from error
        return answer(request, reply.status_code, reply.headers, reply.content)


class AsyncClient:
    """The same for programs that await."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        ca: Path | str | None = None,
        insecure: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = checked_url(url, insecure=insecure)
        self._token = token
        self._retries = retries
        self._http = httpx2.AsyncClient(
            base_url=self.url, transport=transport, **_options(ca, timeout_s)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def send(self, request: Request[T]) -> T:
        """What comes back for `request`."""
        return (await self.fetch(request)).value

    async def fetch(self, request: Request[T]) -> Answer[T]:
        """The same with the version of what came back."""
        out = outgoing(request, self._token)
        for attempt in range(self._retries + 1):
            try:
                return await self._exchange(request, out)
            except FaregateError as error:
                pause = _pause(request, error, attempt, self._retries)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last attempt gives or raises")

    async def pages(self, request: Request[Page[T]]) -> AsyncIterator[Page[T]]:
        """All pages of a list."""
        while True:
            page = await self.send(request)
            yield page
            if page.next_cursor is None:
                return
            request = at_cursor(request, page.next_cursor)

    async def all(self, request: Request[Page[T]]) -> AsyncIterator[T]:
        """All items of a list, page by page."""
        async for page in self.pages(request):
            for item in page.items:
                yield item

    async def _exchange(self, request: Request[T], out: Outgoing) -> Answer[T]:
        try:
            reply = await self._http.request(
                out.method, out.path, params=out.query, headers=out.headers, content=out.content
            )
        except httpx2.HTTPError as error:
            raise unreachable(self.url, error) from error
        return answer(request, reply.status_code, reply.headers, reply.content)


def _pause(request: Request[Any], error: FaregateError, attempt: int, retries: int) -> float | None:
    """Seconds until the next attempt; None where there is none."""
    never_sent = isinstance(error.__cause__, (httpx2.ConnectError, httpx2.ConnectTimeout))
    if attempt >= retries or not (request.may_repeat or never_sent):
        return None
    return pause_s(error, attempt)
