"""Calls the gate workers of this installation, over their own sockets.

The operator's token acts for the key that a batch belongs to (`policies.acting`).
"""

import contextlib
import http.client
import socket
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from faregate.core.bounds import BATCH_REPLY_BYTES_MAX

CONNECT_S: Final = 5.0
CALL_S: Final = 3_600.0  # for one call; the gate's own timeouts come before


class NotSentError(Exception):
    """No gate was reached: the call was certainly not made."""


class ReplyLostError(Exception):
    """The call may have been made, and its reply is not known."""


class Reply(NamedTuple):
    """What a call was answered; names of fields are in lower case.

    A body that is too long to keep is `truncated`.
    """

    status: int
    fields: dict[str, str]
    body: bytes
    truncated: bool = False


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("faregate", timeout=CALL_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_S)
        self.sock.connect(str(self._path))
        self.sock.settimeout(CALL_S)


class Gates:
    """The sockets of the gate workers, one after the other; safe for threads."""

    def __init__(self, find_sockets: Callable[[], Sequence[Path]], token: str) -> None:
        self._find_sockets = find_sockets
        self._token = token
        self._next = count().__next__

    def ask(
        self, method: str, path: str, key_id: str, body: bytes | None, fields: dict[str, str]
    ) -> Reply:
        """Make one call; raises `NotSentError` and `ReplyLostError`."""
        connection = self._connect()
        headers = {
            **fields,
            "Authorization": f"Bearer {self._token}",
            "Faregate-Key": key_id,
            "User-Agent": "faregate-batches",
            "Connection": "close",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            # A gate that refuses by the head alone may answer before it has taken the body.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, path, body, headers)
            reply = connection.getresponse()
            if reply.length is None and not reply.chunked:
                raise ReplyLostError("the head of the reply is cut short")
            data = reply.read(BATCH_REPLY_BYTES_MAX + 1)
            if reply.length and len(data) <= BATCH_REPLY_BYTES_MAX:
                raise ReplyLostError("the reply ended too soon")
        except (OSError, http.client.HTTPException) as error:
            raise ReplyLostError(str(error)) from None
        finally:
            connection.close()
        names = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, names, data, len(data) > BATCH_REPLY_BYTES_MAX)

    def _connect(self) -> _Connection:
        sockets = self._find_sockets()
        first = self._next()
        for at in range(len(sockets)):
            connection = _Connection(sockets[(first + at) % len(sockets)])
            try:
                connection.connect()
            except OSError:
                connection.close()
            else:
                return connection
        raise NotSentError
