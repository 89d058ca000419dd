"""What commands ask of an installation, here or elsewhere.

On this machine it is `storage.installation.Installation` and the stores beside it; elsewhere
`cli.remote`, over the management API. Both pass the same test.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.identity.actors import Author
from faregate.identity.keys import KeyRecord
from faregate.ledger.bookkeeping import (
    Entry,
    GrantKind,
    GrantState,
    PurseState,
    Verification,
    WalletState,
)
from faregate.ledger.events import LedgerEvent
from faregate.ledger.statement import Grouping, Statement
from faregate.storage.home import Home

if TYPE_CHECKING:
    from faregate.storage.database import Database

Editing = Callable[[Document], Document]
Environment = Mapping[str, str] | None


class RevisionRow(Protocol):
    """One change, for the history."""

    @property
    def number(self) -> int:
        """Counts from 1."""

    @property
    def created_ns(self) -> int:
        """When, since 1970."""

    @property
    def actor(self) -> str:
        """Who."""

    @property
    def summary(self) -> str:
        """What."""


class StagedDraft(Protocol):
    """Changes that wait to be published."""

    @property
    def name(self) -> str:
        """The draft's name."""

    @property
    def items(self) -> Sequence[Any]:
        """What it changes."""


class Revisions(Protocol):
    """The configuration; methods raise `FaregateError`."""

    def written(self) -> tuple[int, Document]:
        """The number in force, and the document as written."""

    def apply(
        self,
        document: Document,
        author: Author,
        summary: str,
        expected_revision: int | None = None,
        environment: Environment = None,
        message: str | None = None,
    ) -> int:
        """Put a whole document in force."""

    def edit(
        self,
        change: Editing,
        author: Author,
        summary: str,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
        message: str | None = None,
    ) -> int:
        """Put the changed document in force."""

    def preview(
        self, document: Document, environment: Environment = None
    ) -> tuple[int, list[Change]]:
        """What `apply` would change of the revision in force."""

    def preview_edit(
        self,
        change: Editing,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
    ) -> tuple[int, list[Change]]:
        """What `edit` would change of the revision in force."""

    def drafted(self, name: str) -> tuple[int, Document]:
        """The number in force, and what would be with the draft published."""

    def stage(
        self,
        change: Editing,
        author: Author,
        draft: str,
        message: str | None = None,
        environment: Environment = None,
        renewed: frozenset[str] = frozenset(),
    ) -> StagedDraft:
        """Keep what `change` does to the document with the draft in it."""

    def seal(self, secret: str, where: str) -> str:
        """A secret as it stands in a document at that place."""

    def history(self, count_max: int = 20, before: int | None = None) -> Sequence[RevisionRow]:
        """The last revisions, newest first."""

    def compare(self, old: int, new: int) -> list[Change]:
        """What leads from one revision to another."""

    def document_at(self, number: int) -> Document:
        """The document of a revision as written."""


class NewKey(Protocol):
    """A key that was just made."""

    @property
    def record(self) -> KeyRecord:
        """What is known of it."""

    @property
    def secret(self) -> str:
        """The key itself."""


class KeyEntry(Protocol):
    """A key in a list."""

    @property
    def record(self) -> KeyRecord:
        """What is known of it."""

    @property
    def source(self) -> str:
        """ "command" or "file"."""


class Keys(Protocol):
    """Callers' keys; methods raise `FaregateError`."""

    def create(
        self,
        name: str,
        author: Author,
        models: frozenset[str] | None = None,
        expires_ns: int | None = None,
        secret: str | None = None,
        application: str | None = None,
        *,
        team: str | None = None,
    ) -> NewKey:
        """Make a key."""

    def list(self) -> Sequence[KeyEntry]:
        """All keys, oldest first."""

    def revoke(self, selector: str, author: Author) -> tuple[KeyRecord, bool]:
        """Revoke a key; whether it was in use until now."""


class Given(Protocol):
    """The credit that the last change of the configuration gave."""

    @property
    def entries(self) -> Sequence[Entry]:
        """What was given."""

    @property
    def expired(self) -> Sequence[Any]:
        """What had expired before: each has `wallet` and `name`."""


class Grants(Protocol):
    """The credit that the configuration gives."""

    @property
    def last(self) -> Given:
        """What the last change gave."""


class Installation(Protocol):
    """What commands work on."""

    @property
    def home(self) -> Home:
        """The data folder. Raises `FaregateError` where it is on another machine."""

    @property
    def database(self) -> "Database":
        """Its database. Raises `FaregateError` where it is on another machine."""

    @property
    def revisions(self) -> Revisions:
        """The configuration."""

    @property
    def keys(self) -> Keys:
        """Callers' keys."""

    @property
    def grants(self) -> Grants:
        """The configuration's credit."""


class Books(Protocol):
    """The ledger; methods raise `FaregateError`."""

    def wallets(self) -> list[WalletState]:
        """All wallets."""

    def wallet(self, name: str) -> WalletState:
        """One wallet; one that never had credit is empty."""

    def grants(self, wallet: str, count_max: int = 1_000) -> list[GrantState]:
        """What a wallet was given, the newest first."""

    def statement(
        self,
        wallet: str,
        since_ns: int = 0,
        until_ns: int | None = None,
        by: Grouping = "entry",
        page: str | None = None,
        count: int = 1_000,
    ) -> Statement:
        """What moved a wallet's balance."""

    def budgets(self) -> list[PurseState]:
        """Budgets, quotas and long limits of now."""

    def events(self, after: int = 0, limit: int = 1_000) -> list[tuple[int, LedgerEvent]]:
        """The first events after a number."""

    def newest_events(self, count: int) -> list[tuple[int, LedgerEvent]]:
        """The last events, the oldest first."""

    def verify(self) -> Verification:
        """Whether everything adds up."""

    def grant(
        self,
        wallet: str,
        amount_nano: int,
        kind: GrantKind,
        author: str,
        reason: str,
        expires_ns: int | None = None,
        reference: str | None = None,
    ) -> tuple[Entry, bool]:
        """Give credit; whether it is new."""

    def refund(
        self,
        wallet: str,
        amount_nano: int,
        author: str,
        reason: str,
        reference: str | None = None,
    ) -> tuple[Entry, bool]:
        """Give a sum back; whether it is new."""

    def refund_call(self, call_id: str, amount_nano: int | None, author: str, reason: str) -> Entry:
        """Give back what a call was charged."""

    def adjust(self, wallet: str, amount_nano: int, author: str, reason: str) -> Entry:
        """Correct a balance."""
