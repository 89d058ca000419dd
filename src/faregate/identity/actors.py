"""Who did something.

The name that history shows, and what tells them apart.
"""

from typing import Literal

import msgspec

ActorKind = Literal["user", "service_account", "command", "system"]


class Actor(msgspec.Struct, frozen=True):
    """A person or a program that acts on the installation.

    `name` is what people read: a user's e-mail address, a service account's name, the login name of
    whoever runs a command on the machine itself. `id` is None for commands and the system. `token`
    is the id of the token that was shown, if any; `address` is the peer's, without a port.
    """

    kind: ActorKind
    name: str
    id: str | None = None
    token: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return self.name


Author = Actor | str
"""An actor; a plain text is the login name of whoever runs a command on the machine."""


def as_actor(author: Author) -> Actor:
    """The actor of this author."""
    return author if isinstance(author, Actor) else Actor("command", author)
