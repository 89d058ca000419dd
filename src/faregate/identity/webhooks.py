"""Webhooks: which events, how they are signed, when they are tried again.

Signatures are those of Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp` and
`webhook-signature` with `v1,` and base64 of HMAC-SHA256 over "id.timestamp.body".
"""

import base64
import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how a secret begins
SECRET_BYTES: Final = 32
PATTERNS_MAX: Final = 50
RETRY_DELAYS_S: Final = (5, 60, 300, 1_800, 7_200, 21_600, 54_000)
"""Between tries: eight of them in a day; the last one again where there are more."""

PING: Final = "webhook.ping"
AUDIT_PREFIX: Final = "audit."

EVENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "budget.threshold": "Spend has crossed a percentage of a budget or a quota.",
        "wallet.empty": "The balance of a wallet is zero.",
        "credit.expired": "Promotional credit was taken back.",
        "credit.shortfall": "A call cost more than was held for it, and more could not be had.",
        "worker.vanished": "A worker was given up; what it had drawn went back.",
        "provider.*": "An account at a provider: provider.benched, .back, .broken, .balance_low.",
        "audit.*": "An act or a security event of the audit log: audit.keys.create.",
        PING: "A try, when somebody asks for one; sent whatever a webhook is subscribed to.",
    }
)
"""What webhooks may be subscribed to; each may end in `*`."""

_PATTERN: Final = re.compile(r"\*|[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*(\.\*)?")
_KINDS: Final = {
    "budget_threshold": "budget.threshold",
    "wallet_empty": "wallet.empty",
    "credit_expired": "credit.expired",
    "shortfall": "credit.shortfall",
    "worker_vanished": "worker.vanished",
}


class WebhookMessage(msgspec.Struct, frozen=True):
    """An event on its way; `message_id` is the same however often it is sent.

    `team` is None for what is the organisation's alone. `team_data` is what a team's own webhooks
    are told of it; without it they are told all.
    """

    message_id: str
    type: str
    created_ns: int
    data: dict[str, Any]
    team: str | None = None
    team_data: dict[str, Any] | None = None

    def body(self, *, for_team: bool) -> str:
        """The JSON that is sent: type, timestamp, data."""
        data = self.team_data if for_team and self.team_data is not None else self.data
        told = {"type": self.type, "timestamp": _moment(self.created_ns), "data": data}
        return msgspec.json.encode(told).decode()


def ledger_type(kind: str, detail: str) -> str:
    """The type of an event of the ledger: provider.benched of `benched: ...`."""
    if kind != "provider_event":
        return _KINDS.get(kind, kind.replace("_", "."))
    what = detail.partition(":")[0]
    return f"provider.{what}" if _PATTERN.fullmatch(what) else "provider.other"


def is_pattern(text: str) -> bool:
    """Whether it is a type of events, with or without `*` at its end."""
    return len(text) <= 100 and _PATTERN.fullmatch(text) is not None


def matches(patterns: Iterable[str], event_type: str) -> bool:
    """Whether an event of this type is meant by one of them."""
    return any(_matches(pattern, event_type) for pattern in patterns)


def _matches(pattern: str, event_type: str) -> bool:
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def may_match_audit(patterns: Iterable[str]) -> bool:
    """Whether entries of the audit log are meant by one of them."""
    return any(pattern == "*" or pattern.startswith(AUDIT_PREFIX) for pattern in patterns)


def make_secret() -> str:
    """A new secret: whsec_ and base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secrets_: Iterable[str], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each secret, in order."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    made = (hmac.new(_key(one), content, hashlib.sha256).digest() for one in secrets_)
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)


def _moment(time_ns: int) -> str:
    at = dt.datetime.fromtimestamp(time_ns / 1_000_000_000, dt.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))


def retry_delay_s(attempts: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next try; `chance` of 0 to 1 moves it by a fifth.

    A receiver that says when to come back is heeded, for a day at most.
    """
    delay = RETRY_DELAYS_S[min(attempts, len(RETRY_DELAYS_S)) - 1] * (0.8 + 0.4 * chance)
    return max(delay, min(retry_after_s or 0, 86_400))
