"""The data folder: all that Faregate keeps, and who may read it.

Folders are made 0700 and the master key 0600. A folder or a key that others can read is refused
rather than used quietly.
"""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from faregate.core.errors import StorageError

HOME_VARIABLE: Final = "FAREGATE_HOME"
MASTER_KEY_VARIABLE: Final = "FAREGATE_MASTER_KEY"
MASTER_KEY_BYTES: Final = 32

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class Home(NamedTuple):
    """The paths of one installation; making the value touches nothing."""

    root: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Home":
        """FAREGATE_HOME, or ~/.faregate."""
        variables = os.environ if environment is None else environment
        given = variables.get(HOME_VARIABLE)
        return cls(Path(given).expanduser().absolute() if given else Path.home() / ".faregate")

    @property
    def database(self) -> Path:
        """The configuration and the keys."""
        return self.root / "faregate.db"

    @property
    def calls_database(self) -> Path:
        """The store of finished calls."""
        return self.root / "calls.db"

    @property
    def files_database(self) -> Path:
        """What is known of callers' files and batches."""
        return self.root / "files.db"

    @property
    def files(self) -> Path:
        """The bytes of callers' files, and of batches."""
        return self.root / "files"

    @property
    def ledger_database(self) -> Path:
        """The ledger, unless settings.ledger.url names another place."""
        return self.root / "ledger.db"

    @property
    def master_key_file(self) -> Path:
        """The key that seals secrets."""
        return self.root / "master.key"

    @property
    def journal(self) -> Path:
        """One folder for each worker's journal."""
        return self.root / "journal"

    @property
    def run(self) -> Path:
        """Locks and control sockets."""
        return self.root / "run"

    @property
    def demo_env(self) -> Path:
        """The demo's address and key."""
        return self.root / "demo.env"

    @property
    def exists(self) -> bool:
        """Whether an installation was begun here."""
        return self.database.exists()

    def require(self) -> None:
        """Raise `StorageError` unless there is an installation here."""
        if not self.exists:
            raise StorageError(
                f"there is no installation at {self.root}",
                fix="run 'faregate init', or name another folder with --home or FAREGATE_HOME",
            )
        _refuse_open_folder(self.root)

    def create(self, environment: Mapping[str, str] | None = None) -> list[Path]:
        """Make what is missing; gives what was made."""
        variables = os.environ if environment is None else environment
        made: list[Path] = []
        try:
            made.extend(
                folder for folder in (self.root, self.journal, self.run) if _make_folder(folder)
            )
            if MASTER_KEY_VARIABLE not in variables and self._make_master_key():
                made.append(self.master_key_file)
        except OSError as error:
            raise _unusable(self.root, error) from error
        return made

    def master_key(self, environment: Mapping[str, str] | None = None) -> bytes:
        """The 32 bytes that seal secrets: FAREGATE_MASTER_KEY, or the file."""
        variables = os.environ if environment is None else environment
        given = variables.get(MASTER_KEY_VARIABLE)
        if given is not None:
            return _parse_master_key(given, MASTER_KEY_VARIABLE)
        path = self.master_key_file
        try:
            status = path.stat()
            text = path.read_text("ascii", errors="replace")
        except FileNotFoundError as error:
            raise StorageError(
                f"the master key {path} is missing",
                fix=f"put the file back from a backup, or set {MASTER_KEY_VARIABLE}",
            ) from error
        except OSError as error:
            raise _unusable(path, error) from error
        if stat.S_IMODE(status.st_mode) & 0o077:
            raise StorageError(
                f"the master key {path} can be read by others", fix=f"chmod 600 {path}"
            )
        return _parse_master_key(text, str(path))

    def _make_master_key(self) -> bool:
        path = self.master_key_file
        if path.exists():
            return False
        if self.database.exists():
            raise StorageError(
                f"the master key {path} is missing, and the database was made with it",
                fix=f"put the file back from a backup, or set {MASTER_KEY_VARIABLE}",
            )
        # Written whole under another name, then linked: nobody ever reads half a key, and of
        # two processes that start at once one wins and both use its key.
        draft = path.with_name(f".master.key.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(MASTER_KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        return True


def _make_folder(path: Path) -> bool:
    """Whether it had to be made; an empty folder of ours is closed to others."""
    try:
        path.mkdir(mode=_FOLDER_MODE, parents=True)
    except FileExistsError:
        if not path.is_dir():
            raise NotADirectoryError(20, "it is a file, not a folder", str(path)) from None
        if path.stat().st_uid == os.geteuid() and not any(path.iterdir()):
            path.chmod(_FOLDER_MODE)
        _refuse_open_folder(path)
        return False
    return True


def _refuse_open_folder(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o007:
        raise StorageError(
            f"the data folder {path} is open to every user of this machine",
            fix=f"chmod 700 {path}, or use a folder of its own inside it",
        )


def _parse_master_key(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise StorageError(
            f"the master key in {source} is not {2 * MASTER_KEY_BYTES} hexadecimal digits",
            fix="restore it from a backup; a new one is made by 'openssl rand -hex 32'",
        )
    return key


def _unusable(path: Path, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(
        f"{error.filename or path} can't be used: {reason}",
        fix="choose a folder that you may write to, with --home or FAREGATE_HOME",
    )
