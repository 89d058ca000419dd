"""What is known of files, batches and their lines."""

import secrets
from typing import Final, Literal, NamedTuple

import msgspec

from faregate.identity.keys import KeyRecord

Dialect = Literal["openai", "anthropic"]
BatchState = Literal[
    "validating", "in_progress", "cancelling", "completed", "failed", "expired", "cancelled"
]
LineOutcome = Literal["succeeded", "errored", "cancelled", "expired"]

OPEN_STATES: Final = frozenset(("validating", "in_progress", "cancelling"))
ID_CHARACTERS_MAX: Final = 64
_RANDOM_BYTES: Final = 16

_PREFIXES: Final = {"openai": "batch_", "anthropic": "msgbatch_"}


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One file; times are seconds since 1970, `expires_s` of None is never.

    `team` is whose it is, "" of none.
    """

    file_id: str
    owner: str
    team: str = ""
    purpose: str
    filename: str
    size_bytes: int
    created_s: int
    expires_s: int | None


class LineError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a batch; `line` counts from 1."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class BatchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: whose it is, how far it has come, and what came of it.

    `times` has the second at which a state was reached; `fields` are headers that every call
    of it carries; `stopped` is why no further line is sent; `team` is whose it is, "" of none.
    """

    batch_id: str
    owner: str
    team: str = ""
    key_id: str
    dialect: Dialect
    endpoint: str
    created_s: int
    expires_s: int
    input_file: str = ""
    state: BatchState = "validating"
    metadata: dict[str, str] | None = None
    fields: dict[str, str] = {}
    times: dict[str, int] = {}
    output_keep_s: int | None = None
    total: int = 0
    succeeded: int = 0
    errored: int = 0
    cancelled: int = 0
    expired: int = 0
    stopped: LineError | None = None
    errors: tuple[LineError, ...] = ()
    output_file: str | None = None
    error_file: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has an end still to come."""
        return self.state in OPEN_STATES


class LineFacts(NamedTuple):
    """One line of a batch, and where it stands in the input."""

    line: int
    custom_id: str
    model: str
    start: int
    length: int


class BegunLine(NamedTuple):
    """A line that is being called; `call_id` was chosen before it was sent."""

    batch_id: str
    line: int
    custom_id: str
    model: str
    start: int
    length: int
    call_id: str
    begun_ns: int
    attempts: int


class Page(NamedTuple):
    """A part of a list: behind or before an id, at most so many."""

    limit: int
    after: str | None = None
    before: str | None = None
    oldest_first: bool = False


class Ending(NamedTuple):
    """How a batch ends: when, and what becomes of the lines that are left.

    `keep_s` is how long its output is kept.
    """

    state: BatchState
    rest: LineOutcome
    now_s: int
    keep_s: int


def owner_of(key: KeyRecord) -> str:
    """Whose a key's files are: its application's, or its own."""
    if key.application is not None:
        return f"application:{key.application}"
    return f"key:{key.key_id}"


def new_file_id() -> str:
    """The id of a new file, not to be guessed."""
    return f"file-{secrets.token_hex(_RANDOM_BYTES)}"


def new_batch_id(dialect: Dialect) -> str:
    """The id of a new batch, not to be guessed."""
    return f"{_PREFIXES[dialect]}{secrets.token_hex(_RANDOM_BYTES)}"


def input_name(batch_id: str) -> str:
    """The name of a batch's own input, whatever becomes of the file."""
    return f"{batch_id}.in"


def results_name(batch_id: str) -> str:
    """The name under which a batch of Anthropic's kind keeps its results."""
    return f"{batch_id}.out"


def cancelled(batch: BatchFacts, now_s: int) -> BatchFacts:
    """The batch once somebody has asked to cancel it."""
    if not batch.is_open or batch.state == "cancelling":
        return batch
    times = {**batch.times, "cancelling": now_s}
    return msgspec.structs.replace(batch, state="cancelling", times=times)


def counted(batch: BatchFacts, outcome: LineOutcome, lines: int = 1) -> BatchFacts:
    """The batch with so many lines more of that outcome."""
    return msgspec.structs.replace(batch, **{outcome: getattr(batch, outcome) + lines})


def ended(batch: BatchFacts, ending: Ending) -> BatchFacts:
    """The batch at its end."""
    times = {**batch.times, "finalizing": ending.now_s, ending.state: ending.now_s}
    errors = batch.errors or ((batch.stopped,) if batch.stopped is not None else ())
    return msgspec.structs.replace(batch, state=ending.state, times=times, errors=errors)
