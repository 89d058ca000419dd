"""Which calls a person asks for."""

import re

import msgspec

from faregate.calllog.frames import CallRecord
from faregate.core.errors import FaregateError

_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)", re.IGNORECASE)


class CallFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions that all must hold; None asks for nothing.

    `teams` are those whose calls there are; None: all, also of no team. `key` is a key's name or
    id, `model` the name asked for or served; statuses are from `low` up to, but not including,
    `high`, and starts from `since_ns` up to `until_ns`.
    """

    teams: frozenset[str] | None = None
    key: str | None = None
    model: str | None = None
    application: str | None = None
    customer: str | None = None
    run: str | None = None
    refused: bool = False
    status_low: int | None = None
    status_high: int | None = None
    closed: bool = False
    since_ns: int | None = None
    until_ns: int | None = None

    def matches(self, record: CallRecord) -> bool:
        """Whether this call is asked for."""
        if self.teams is not None and record.team not in self.teams:
            return False
        if self.closed and record.state != "closed":
            return False
        if self.since_ns is not None and record.started_ns < self.since_ns:
            return False
        if self.until_ns is not None and record.started_ns >= self.until_ns:
            return False
        if self.key is not None and self.key not in (record.key_name, record.key_id):
            return False
        if self.model is not None and self.model not in (record.model_asked, record.model_served):
            return False
        if self.application is not None and self.application != record.application:
            return False
        if self.customer is not None and self.customer != record.customer:
            return False
        if self.run is not None and self.run != record.run:
            return False
        if self.refused and record.outcome != "refused":
            return False
        if self.status_low is None or self.status_high is None:
            return True
        return record.status is not None and self.status_low <= record.status < self.status_high


EVERY_CALL = CallFilter()


def parse_status(text: str) -> tuple[int, int]:
    """The statuses that "429" or "5xx" means: the first, and one beyond."""
    if _STATUS.fullmatch(text) is None:
        raise FaregateError(
            f"{text!r} is not a status", fix="give three digits, such as 429, or a class: 5xx"
        )
    if text[1:].lower() == "xx":
        return int(text[0]) * 100, int(text[0]) * 100 + 100
    return int(text), int(text) + 1
