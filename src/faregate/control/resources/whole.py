"""The whole configuration: read, checked, applied as a transaction.

Values of variables come with the request. This process's own environment is never read here: it
would end in the documents of whoever asks.
"""

from typing import Final

import msgspec

from faregate.configuration.difference import Change
from faregate.configuration.document import Document
from faregate.control.context import Context
from faregate.control.moments import moment
from faregate.control.problems import FieldError, ProblemError, field_error
from faregate.control.resources.rights import check_document
from faregate.control.resources.secrets import sealed, texts
from faregate.control.resources.writing import changing
from faregate.core.errors import ConfigurationError, StaleError
from faregate.core.money import format_amount
from faregate.ledger.bookkeeping import Entry, FileGrant
from faregate.storage.ledger_grants import Given

_SUMMARY: Final = "applied a configuration"


class Configuration(msgspec.Struct, frozen=True):
    """The configuration as written: references, never their secrets."""

    revision: int
    document: Document


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document to put in force.

    `environment` has the values of its variables. With `keep_values`, texts that are as they
    were keep their values, but at the places in `renewed`, such as providers[x].api_key; without
    it all variables take their values from `environment`. `message` is for the history.
    """

    document: Document
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    keep_values: bool = False
    renewed: tuple[str, ...] = ()
    message: str | None = None


class ConfigurationCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document to look at, and the values of its variables."""

    document: Document
    environment: dict[str, str] = msgspec.field(default_factory=dict)


class Checked(msgspec.Struct, frozen=True):
    """Whether a document can be put in force, and what would change."""

    ok: bool
    problems: list[FieldError]
    revision: int | None
    changes: list[Change]


class GrantedEntry(msgspec.Struct, frozen=True):
    """Credit that was given; amounts are decimal strings."""

    entry: str
    wallet: str
    at: str
    movement: str
    amount: str
    call_id: str | None
    author: str
    reason: str


class ExpiredGrant(msgspec.Struct, frozen=True):
    """A grant that had expired before it could be given."""

    wallet: str
    name: str


class Applied(msgspec.Struct, frozen=True):
    """What was changed, or would be, and the credit that was given."""

    revision: int
    dry_run: bool
    changes: list[Change]
    granted: list[GrantedEntry] = msgspec.field(default_factory=list)
    expired_grants: list[ExpiredGrant] = msgspec.field(default_factory=list)


def read(context: Context) -> Configuration:
    """The configuration in force; the audit log says who exported it."""
    number, document = context.management.installation.revisions.written()
    context.management.audit.record(
        context.actor, "config.export", "configuration", detail=f"revision {number}"
    )
    return Configuration(number, document)


def check(context: Context, body: ConfigurationCheck) -> Checked:
    """What is wrong with a document: it is applied, and undone."""
    revisions = context.management.installation.revisions
    try:
        ready = _ready(context, body.document)
        number, changes = revisions.preview(ready, body.environment)
    except ConfigurationError as error:
        problems = [field_error(one) for one in (error, *error.others)]
        return Checked(False, problems, None, [])
    except ProblemError as error:
        return Checked(False, list(error.problem.errors), None, [])
    return Checked(True, [], number, changes)


def apply(
    context: Context, body: ConfigurationChange, *, dry_run: bool, message: str | None
) -> Applied:
    """Put a document in force. Raises `ProblemError` and `FaregateError`."""
    revisions = context.management.installation.revisions
    expected = context.expected_number()
    number, before = revisions.written()
    if expected is not None and number != expected:
        raise _stale(number)
    check_document(context, before, body.document)
    ready = _ready(context, body.document)
    renewed = frozenset(body.renewed)

    def change(document: Document) -> Document:
        # Who wrote between the look above and this is not overwritten.
        if expected is not None and document != before:
            raise _stale(revisions.written()[0])
        check_document(context, document, ready)
        return ready

    if dry_run:
        if body.keep_values:
            shown, changes = revisions.preview_edit(change, body.environment, renewed)
        else:
            shown, changes = revisions.preview(ready, body.environment)
        return Applied(shown, True, changes)
    message = message or body.message
    with changing(context.management):
        context.management.installation.grants.last = Given()
        if body.keep_values:
            made = revisions.edit(
                change, context.actor, _SUMMARY, body.environment, renewed, message
            )
        else:
            at = number if expected is None else expected
            made = revisions.apply(ready, context.actor, _SUMMARY, at, body.environment, message)
        given = context.management.installation.grants.last
    changes = revisions.compare(number, made) if made != number else []
    return Applied(
        made,
        False,
        changes,
        [entry_of(entry) for entry in given.entries],
        [_expired(one) for one in given.expired],
    )


def entry_of(entry: Entry) -> GrantedEntry:
    """An entry as the API shows it."""
    return GrantedEntry(
        entry=entry.entry_id,
        wallet=entry.wallet,
        at=moment(entry.at_ns),
        movement=entry.movement,
        amount=format_amount(entry.amount_nano),
        call_id=entry.call_id or None,
        author=entry.author,
        reason=entry.reason,
    )


def _ready(context: Context, document: Document) -> Document:
    """The document with its secrets sealed. Raises `ProblemError`."""
    before = context.management.installation.revisions.written()[1]
    return sealed(document, texts(before), context.management.box)


def _expired(grant: FileGrant) -> ExpiredGrant:
    return ExpiredGrant(grant.wallet, grant.name)


def _stale(number: int) -> StaleError:
    return StaleError(
        f"the configuration was changed meanwhile: revision {number} is in force",
        fix="look at the difference again, then apply again",
    )
