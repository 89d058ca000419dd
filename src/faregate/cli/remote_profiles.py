"""Which installation a command is for; tokens for those elsewhere.

What `faregate login` learns is kept in credentials.json in ~/.config/faregate, which its owner
alone can read. A command is for, in this order: the profile of --profile or FAREGATE_PROFILE; the
address in FAREGATE_MANAGEMENT_URL with the token in FAREGATE_TOKEN; the data folder that --home or
FAREGATE_HOME names; the profile that was logged in to or chosen last; the usual data folder.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from faregate.core.errors import FaregateError
from faregate.storage.home import HOME_VARIABLE

PROFILE_VARIABLE: Final = "FAREGATE_PROFILE"
URL_VARIABLE: Final = "FAREGATE_MANAGEMENT_URL"
TOKEN_VARIABLE: Final = "FAREGATE_TOKEN"  # noqa: S105 - the name of a variable
LOCAL: Final = "local"  # the profile of this machine, which is always there


class Profile(msgspec.Struct, frozen=True, omit_defaults=True):
    """An installation elsewhere, and a token for it.

    `ca` is a file of certificates beside the system's. `token_id` is there where the login made
    the token, so that a logout can take it back.
    """

    url: str
    token: str
    user: str = ""
    ca: str | None = None
    insecure: bool = False
    token_id: str | None = None
    expires_at: str | None = None

    def __repr__(self) -> str:
        return f"Profile({self.url!r}, {self.user!r})"


class Credentials(msgspec.Struct, omit_defaults=True):
    """All profiles; `current` is the one that commands take."""

    profiles: dict[str, Profile] = {}
    current: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self.profiles)})"


class Target(msgspec.Struct, frozen=True):
    """An installation elsewhere that a command is for.

    `name` is None for the environment's.
    """

    name: str | None
    profile: Profile


def credentials_path(environment: Mapping[str, str] | None = None) -> Path:
    """Where the credentials are kept."""
    variables = os.environ if environment is None else environment
    given = variables.get("XDG_CONFIG_HOME")
    folder = Path(given) if given and Path(given).is_absolute() else Path.home() / ".config"
    return folder / "faregate" / "credentials.json"


def read_credentials(path: Path | None = None) -> Credentials:
    """What is kept; empty where nothing is. Raises `FaregateError`."""
    path = path or credentials_path()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise FaregateError(f"{path} can be read by others", fix=f"chmod 600 {path}")
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return Credentials()
    except OSError as error:
        raise FaregateError(
            f"{path} can't be read: {error.strerror}", fix="check whose file it is"
        ) from error
    except msgspec.DecodeError as error:
        raise FaregateError(
            f"{path} can't be understood: {error}",
            fix="remove it, and run 'faregate login URL' again",
        ) from error


def write_credentials(credentials: Credentials, path: Path | None = None) -> None:
    """Keep them, whole or not at all, for their owner alone.

    Raises `FaregateError`.
    """
    path = path or credentials_path()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=2) + b"\n")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise FaregateError(
            f"{path} can't be written: {error.strerror}",
            fix="name another folder for it with XDG_CONFIG_HOME",
        ) from error


def chosen(environment: Mapping[str, str] | None = None) -> Target | None:
    """The installation elsewhere that commands are for.

    None for this machine's.

    Raises `FaregateError` for a profile that isn't there, and an address without a token.
    """
    variables = os.environ if environment is None else environment
    name = variables.get(PROFILE_VARIABLE) or None
    if name == LOCAL:
        return None
    if name is None and (url := variables.get(URL_VARIABLE)):
        token = variables.get(TOKEN_VARIABLE)
        if not token:
            raise FaregateError(
                f"{URL_VARIABLE} is set, and {TOKEN_VARIABLE} is not",
                fix=f"export {TOKEN_VARIABLE}=fgp_..., or unset {URL_VARIABLE}",
            )
        return Target(None, Profile(url, token))
    if name is None and variables.get(HOME_VARIABLE):
        return None
    credentials = read_credentials(credentials_path(variables))
    name = name or credentials.current
    if name is None or name == LOCAL:
        return None
    return Target(name, find_profile(credentials, name))


def find_profile(credentials: Credentials, name: str) -> Profile:
    """The profile of this name. Raises `FaregateError`."""
    profile = credentials.profiles.get(name)
    if profile is None:
        known = ", ".join(sorted(credentials.profiles)) or "none yet"
        raise FaregateError(
            f"there is no profile {name!r}; there are: {known}",
            fix=f"run 'faregate login URL --profile {name}', or take '{LOCAL}' for this machine",
        )
    return profile
