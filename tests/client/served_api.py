"""A management API on a real socket, in a thread."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI
from tests.control.managed import make_home

from faregate.control.app import create_app
from faregate.control.authentication import Authentication
from faregate.control.management import Management, open_management
from faregate.identity.actors import Actor
from faregate.identity.operator import operator_token
from faregate.identity.permissions import machine_principal
from faregate.storage.home import Home


class Served(NamedTuple):
    """Where it is, and a token that may do everything."""

    url: str
    token: str
    home: Home
    management: Management


@contextlib.contextmanager
def served_app(app: FastAPI) -> Iterator[str]:
    """Any application on a free port; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def token_of_owner(
    served: "Served", email: str = "ann@example.com", roles: tuple[str, ...] = ("owner",)
) -> str:
    """A personal token of a new user who may do everything, or has these roles."""
    directory = served.management.directory
    machine = machine_principal(Actor("command", "root"))
    user = directory.users.create(machine, email, "Ann", roles)
    return directory.tokens.create_personal(machine, user.user_id, "tests").secret


@contextlib.contextmanager
def served_api(path: Path) -> Iterator[Served]:
    """The management API of a new home at `path`."""
    home = make_home(path)
    with open_management(home) as management:
        app = create_app(management, Authentication(management))
        with served_app(app) as url:
            yield Served(url, operator_token(home.master_key()), home, management)
