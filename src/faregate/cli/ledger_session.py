"""What commands on money share: the books, and whose wallet is meant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from faregate.cli.remote_profiles import chosen
from faregate.configuration.document import Document
from faregate.configuration.problems import nearest
from faregate.core.errors import FaregateError
from faregate.storage.home import Home

if TYPE_CHECKING:
    from faregate.cli.ports import Books


class BooksSession(NamedTuple):
    """The books, and the configuration in force."""

    document: Document
    books: "Books"

    def require_declared(self, name: str) -> None:
        """Refuse a wallet that the configuration doesn't have."""
        refuse_unknown(name, [wallet.name for wallet in self.document.wallets])

    def require_known(self, name: str) -> None:
        """Refuse a wallet that neither the configuration nor the ledger has."""
        declared = [wallet.name for wallet in self.document.wallets]
        if name not in declared:
            refuse_unknown(name, [*declared, *(one.name for one in self.books.wallets())])


@contextmanager
def opened_books() -> Iterator[BooksSession]:
    """The books of the ledger that the configuration in force names."""
    target = chosen()
    if target is not None:
        from faregate.cli.remote import opened_remote
        from faregate.cli.remote_books import RemoteBooks

        with opened_remote(target) as elsewhere:
            books = RemoteBooks(elsewhere.connection)
            yield BooksSession(elsewhere.revisions.written()[1], books)
        return
    from faregate.storage.installation import open_installation
    from faregate.storage.ledger_books import open_books

    home = Home.from_environment()
    home.require()
    with open_installation(home) as installation:
        clear = installation.revisions.current().clear
    with open_books(home, clear.settings.ledger.url) as books_here:
        yield BooksSession(clear, books_here)


def refuse_unknown(name: str, known: list[str]) -> None:
    """Raise unless `name` is one of these wallets; the nearest is told."""
    if name in known:
        return
    meant = nearest(name, known)
    raise FaregateError(
        f"there is no wallet {name!r}" + (f"; did you mean {meant!r}?" if meant else ""),
        fix="'faregate wallets list' shows the wallets; 'faregate wallets create' makes one",
    )
