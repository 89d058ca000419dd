"""What lets a request in at a vendor where a key in a field won't do.

AWS: each request is signed; a secret without a colon is a long-term Bedrock key, and goes as a
bearer. Google and IBM: a key is exchanged for a token, which is kept, and renewed in the
background before it ends; only calls that find none wait, all for the same exchange.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from faregate.net.pool import Pool
from faregate.net.upstream_connection import Failure, Sending
from faregate.policies.masking import mask
from faregate.providers.sigv4 import sign
from faregate.providers.tokens import (
    CREDENTIAL_BYTES_MAX,
    TOKEN_BODY_BYTES_MAX,
    Token,
    TokenRequest,
    UnprovenError,
    UnprovenKind,
    is_token,
    read_token,
    token_request,
)
from faregate.wire.reply_reader import ReplyHead

if TYPE_CHECKING:
    from faregate.gate.wires import Wire

EXCHANGE_S_MAX: Final = 15.0
RENEWAL_PAUSE_S: Final = 30.0  # after a renewal that failed
_RENEWED_BEFORE_S: Final = 300.0  # its end, or the last fifth of a shorter life
_GONE_BEFORE_S: Final = 10.0  # a token may take so long to get there
_SERVICE: Final = "bedrock"


class AwsProof:
    """Signs each request with a key of the form ID:SECRET or ID:SECRET:TOKEN."""

    def __init__(self, secrets: dict[str, str], region: str, wall_s: Callable[[], float]) -> None:
        self._secrets = secrets
        self._region = region
        self._wall_s = wall_s

    def lines(self, wire: "Wire", path: bytes, body: bytes) -> bytes:
        """Whole lines for the head of this request; raises `UnprovenError`."""
        lane = wire.lane
        prefix = urlsplit(lane.prefix.decode()).path  # a proxy is told the whole address
        secret = self._secrets.get(wire.choice.key.name, "")
        fields = signed_fields(
            secret, self._region, lane.host, prefix + path.decode(), body, self._wall_s()
        )
        return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)


def signed_fields(
    secret: str, region: str, host: str, target: str, body: bytes, wall_s: float
) -> list[tuple[str, str]]:
    """The fields that sign a POST for Bedrock; raises `UnprovenError`."""
    if not secret:
        raise UnprovenError("it has no key", fix="give one of the form ID:SECRET")
    access_key, colon, rest = secret.partition(":")
    if not colon:
        return [("authorization", f"Bearer {secret}")]
    secret_key, _, session_token = rest.partition(":")
    if not access_key or not secret_key:
        raise UnprovenError("its key is not of the form ID:SECRET or ID:SECRET:TOKEN")
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    now = datetime.fromtimestamp(wall_s, UTC)
    return sign(
        "POST", host, path, pairs, (), body,
        access_key, secret_key, session_token or None, region, _SERVICE, now,
    )  # fmt: skip


def read_credential(secret: str) -> str:
    """The credential that a secret is, or that is in the file of this path.

    May block. Raises `UnprovenError`.
    """
    if secret.lstrip().startswith("{"):
        return secret
    try:
        with Path(secret).open("rb") as file:
            return file.read(CREDENTIAL_BYTES_MAX).decode()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "?"
        raise UnprovenError(
            f"the file of its credential can't be read: {reason}",
            fix="give the path of a service account's JSON file, or its text",
        ) from None


def ask_token(auth: str, secret: str, options: dict[str, str], wall_s: float) -> TokenRequest:
    """What to ask for a token of this secret.

    May block. Raises `UnprovenError`.
    """
    credential = read_credential(secret) if auth == "google_oauth" else secret
    return token_request(auth, credential, options, wall_s)


class _Kept(msgspec.Struct, frozen=True):
    """A token's line, and its times by the clock of durations."""

    line: bytes
    renew_at: float
    gone_at: float


class TokenProof:
    """Keeps a token for each key; `pool_at` gives the way to a URL."""

    def __init__(
        self,
        auth: str,
        secrets: dict[str, str],
        options: dict[str, str],
        pool_at: Callable[[str], Pool],
        now: Callable[[], float],
        wall_s: Callable[[], float],
    ) -> None:
        self._auth = auth
        self._secrets = secrets
        self._options = options
        self._pool_at = pool_at
        self._now = now
        self._wall_s = wall_s
        self._exchanges: dict[str, asyncio.Task[bytes]] = {}
        self._kept: dict[str, _Kept] = {}
        for name, secret in secrets.items():
            if is_token(auth, secret):
                forever = float("inf")
                self._kept[name] = _Kept(_bearer(secret), forever, forever)

    def lines(self, wire: "Wire", path: bytes, body: bytes) -> bytes | Awaitable[bytes]:
        """The line with the token; awaitable where there is none."""
        name = wire.choice.key.name
        kept, now = self._kept.get(name), self._now()
        if kept is None or now >= kept.gone_at:
            return asyncio.shield(self._exchange(name))
        if now >= kept.renew_at:
            self._exchange(name)
        return kept.line

    def _exchange(self, name: str) -> "asyncio.Task[bytes]":
        """The exchange that is under way for a key, or a new one."""
        task = self._exchanges.get(name)
        if task is None:
            task = self._exchanges[name] = asyncio.get_running_loop().create_task(
                self._renewed(name)
            )
            task.add_done_callback(lambda done: self._over(name, done))
        return task

    def _over(self, name: str, done: "asyncio.Task[bytes]") -> None:
        del self._exchanges[name]
        kept = self._kept.get(name)
        # Looked at here, too: nobody may wait for a renewal.
        if not done.cancelled() and done.exception() is not None and kept is not None:
            later = self._now() + RENEWAL_PAUSE_S
            self._kept[name] = msgspec.structs.replace(kept, renew_at=later)

    async def _renewed(self, name: str) -> bytes:
        secret = self._secrets.get(name, "")
        if not secret:
            raise UnprovenError("it has no key")
        loop = asyncio.get_running_loop()
        begun = self._now()
        # Files are read and keys used elsewhere: both take a while.
        asked = await loop.run_in_executor(
            None, ask_token, self._auth, secret, self._options, self._wall_s()
        )
        token = await self._fetched(asked, loop)
        spare_s = min(_RENEWED_BEFORE_S, token.life_s / 5)
        self._kept[name] = _Kept(
            _bearer(token.text),
            begun + token.life_s - spare_s,
            begun + token.life_s - min(_GONE_BEFORE_S, spare_s / 2),
        )
        return self._kept[name].line

    async def _fetched(self, asked: TokenRequest, loop: asyncio.AbstractEventLoop) -> Token:
        pool = self._pool_at(asked.url)
        exchange = _Exchange(asked, pool, loop.create_future())
        pool.send(exchange, self._now())
        try:
            async with asyncio.timeout(EXCHANGE_S_MAX):
                status, body = await exchange.answered
        except TimeoutError:
            detail = f"its token endpoint gave no answer within {EXCHANGE_S_MAX:g} s"
            raise UnprovenError(detail, "timeout") from None
        finally:
            exchange.forget()
        try:
            return read_token(status, body)
        except UnprovenError as error:
            said = mask(error.message.encode()).decode("utf-8", "replace")
            raise UnprovenError(said, error.kind) from None


class _Exchange:
    """One request for a token (`net.upstream_connection.Sender`)."""

    def __init__(
        self, asked: TokenRequest, pool: Pool, answered: "asyncio.Future[tuple[int, bytes]]"
    ) -> None:
        parts, address = urlsplit(asked.url), pool.origin.address
        proxy = pool.origin.proxy
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"host: {parts.netloc.rpartition('@')[2]}"]
        if proxy is not None and not address.tls:
            target = f"http://{parts.netloc}{target}"
            if proxy.authorization is not None:
                lines.append(f"proxy-authorization: {proxy.authorization}")
        lines += [
            "content-type: application/x-www-form-urlencoded",
            "accept: application/json",
            "accept-encoding: identity",
            f"content-length: {len(asked.body)}",
        ]
        head = f"POST {target} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
        self.request_head = head.encode("latin-1")
        self.request_body = asked.body
        self.idempotent = True
        self.resent = False
        self.sending: Sending | None = None
        self.answered = answered
        self._status = 0
        self._body = bytearray()

    def forget(self) -> None:
        """Take no more of the answer."""
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None

    def upstream_chosen(self, now: float, *, reused: bool) -> None:
        """The request goes out now."""

    def reply_head(self, head: ReplyHead) -> None:
        """The reply's head is there."""
        self._status = head.status

    def reply_data(self, data: bytes) -> None:
        """A piece of its body."""
        self._body += data
        if len(self._body) > TOKEN_BODY_BYTES_MAX:
            self.forget()
            self._fail("its token endpoint answered with more than any token", "failed")

    def reply_read(self) -> None:
        """There will be more."""

    def reply_end(self) -> None:
        """The reply is whole."""
        self.sending = None
        if not self.answered.done():
            self.answered.set_result((self._status, bytes(self._body)))

    def upstream_failed(self, failure: Failure) -> None:
        """No whole reply will come."""
        self.sending = None
        kind: UnprovenKind = "timeout" if failure.kind.endswith("timeout") else "unreachable"
        self._fail(f"its token endpoint can't be reached: {failure.detail}", kind)

    def _fail(self, detail: str, kind: UnprovenKind) -> None:
        if not self.answered.done():
            self.answered.set_exception(UnprovenError(detail, kind))


def _bearer(token: str) -> bytes:
    return f"authorization: Bearer {token}\r\n".encode("latin-1")
