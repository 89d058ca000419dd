"""The gate's listening sockets, held here so that no call is lost.

Each worker has a socket of its own on the same port (SO_REUSEPORT: the kernel spreads the
connections). The supervisor keeps every socket open: what arrives while a worker is being
replaced waits in the socket's queue. SO_REUSEPORT would also share the port silently with a
second service of the same user, so a plain bind asks first whether the port is free.
"""

import contextlib
import errno
import os
import socket
import time
from pathlib import Path
from typing import Final

from faregate.core.errors import FaregateError

BACKLOG: Final = 1024  # connections that wait while a worker is replaced; the kernel may cap it
_RETRIES_S: Final = (0.1, 0.3, 0.6)  # the gates of a service that was killed just now let go late


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise FaregateError(
            f"the host {host!r} has no address ({error})",
            fix="give an address of this machine, such as 127.0.0.1 or 0.0.0.0",
        ) from None
    family, _, _, _, address = found[0]
    return family, address


def _bind(host: str, port: int, *, shared: bool) -> socket.socket:
    family, address = _address(host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def listen(host: str, port: int, *, variable: str, option: str | None = None) -> socket.socket:
    """One socket on `host`:`port`; `variable` and `option` would move it.

    Raises `FaregateError`, with who holds the port where that can be seen.
    """
    patience = iter(_RETRIES_S)
    while True:
        try:
            return _bind(host, port, shared=False)
        except OSError as error:
            pause_s = next(patience, None)
            if error.errno != errno.EADDRINUSE or pause_s is None:
                raise _explain(error, host, port, variable, option) from None
            time.sleep(pause_s)


def listen_shared(
    host: str, port: int, count: int, *, variable: str, option: str | None = None
) -> list[socket.socket]:
    """`count` sockets on one port that was free; 0 takes a free one."""
    probe = listen(host, port, variable=variable, option=option)
    port = probe.getsockname()[1]
    probe.close()
    sockets: list[socket.socket] = []
    try:
        sockets.extend(_bind(host, port, shared=True) for _ in range(count))
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise _explain(error, host, port, variable, option) from None
    return sockets


def _explain(
    error: OSError, host: str, port: int, variable: str, option: str | None
) -> FaregateError:
    ways = f"set {variable}" + (f" or {option}" if option else "")
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        by = f" by {holder}" if holder else ""
        return FaregateError(
            f"port {port} on {host} is taken{by}",
            fix=f"stop whatever listens there, or {ways} to another port",
        )
    if error.errno == errno.EACCES:
        return FaregateError(
            f"port {port} on {host} needs a right that this user lacks", fix=f"{ways} above 1023"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return FaregateError(
            f"{host} is not an address of this machine",
            fix="give an address of this machine, such as 127.0.0.1 or 0.0.0.0",
        )
    return FaregateError(f"can't listen on {host}:{port}: {error.strerror}", fix=ways)


def reserve(host: str, preferred: int) -> socket.socket:
    """A bound socket that keeps a port for a server that shares its use.

    Takes `preferred` where that is free, else any free port. The server must set SO_REUSEPORT.
    """
    for port in (preferred, 0):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Shared from the start: a port whose last connections still time out is free for us.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            sock.bind((host, port))
            if not _somebody_listens(sock):
                return sock
        except OSError:
            pass
        sock.close()
    raise FaregateError(f"there is no free port on {host}", fix="end programs that hold ports")


def _somebody_listens(sock: socket.socket) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(sock.getsockname()) == 0


def port_holder(port: int) -> str | None:
    """Who listens on `port`, as far as /proc shows it to this user."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        if wanted & _open_links(process / "fd"):
            with contextlib.suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _open_links(folder: Path) -> set[str]:
    links = set()
    with contextlib.suppress(OSError):  # another user's process, or one that ended just now
        for link in os.listdir(folder):
            with contextlib.suppress(OSError):
                links.add(os.readlink(folder / link))
    return links


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes
