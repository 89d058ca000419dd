"""The node's name, by which the ledger tells whose workers are whose.

It is the machine's name with a number that the data folder keeps: two folders on one machine are
two nodes, and so are two machines that were given copies of one folder.
"""

import contextlib
import os
import secrets
import socket
from typing import Final

from faregate.core.errors import StorageError
from faregate.storage.home import Home

NODE_NAME: Final = "node"  # of the file in the data folder
_NUMBER_BYTES: Final = 6


def name_node(home: Home) -> str:
    """The name of the node at `home`, the same at every start."""
    path = home.root / NODE_NAME
    try:
        if not path.exists():
            # Written whole under another name: of two that start at once one wins, for both.
            draft = path.with_name(f".{NODE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
            draft.write_text(secrets.token_hex(_NUMBER_BYTES) + "\n", "ascii")
            try:
                with contextlib.suppress(FileExistsError):
                    os.link(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        number = path.read_text("ascii", errors="replace").strip()
    except OSError as error:
        raise StorageError(
            f"the node's name in {path} can't be read or made: {error.strerror or error}",
            fix="let the user that runs faregate read and write the data folder",
        ) from error
    if not number.isalnum():
        raise StorageError(f"{path} is damaged", fix="delete the file: it is made anew")
    return f"{socket.gethostname()}:{number}"
