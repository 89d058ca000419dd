"""What may go wrong with an attempt, and what each kind of it asks for.

The first seven kinds are the meanings of `providers.refusals`; then troubles of the connection;
then those of this one request, which bench nothing. "unsupported" is said by us: the target's
dialect can't carry the request, so it was never asked.
"""

from typing import Final, Literal, NamedTuple

import msgspec

Kind = Literal[
    "payment_required", "quota_exhausted", "rate_limited", "overloaded", "auth", "permission",
    "failed",
    "unreachable", "timeout", "closed", "busy",
    "context_length", "content_refused", "invalid_request", "unsupported",
]  # fmt: skip
Scope = Literal["key", "account", "model", "request"]


class Trouble(msgspec.Struct, frozen=True):
    """Why an attempt failed.

    `scope` is what is in trouble: the key, the account with all its keys, the model at this
    account, or this request alone. `retry_after_s` is what the provider asked for. `maybe_acted`:
    the provider may have acted on the request, so that sending it again may do it twice.
    """

    kind: Kind
    scope: Scope = "request"
    retry_after_s: float | None = None
    maybe_acted: bool = False
    detail: str = ""


class Rest(NamedTuple):
    """How long a bench lasts: at first, doubled each time up to `most_s`.

    A time that the provider names counts instead, up to `named_s_max`; 0: it isn't asked.
    """

    first_s: float
    most_s: float
    named_s_max: float = 0.0


_LONG: Final = Rest(60.0, 3_600.0)
_BREAKER: Final = Rest(5.0, 60.0)

RESTS: Final[dict[Kind, Rest]] = {
    "payment_required": _LONG,
    "auth": _LONG,
    "permission": _LONG,
    "quota_exhausted": Rest(300.0, 3_600.0, 86_400.0),
    "rate_limited": Rest(1.0, 60.0, 3_600.0),
    "overloaded": _BREAKER,
    "failed": _BREAKER,
    "unreachable": _BREAKER,
    "timeout": _BREAKER,
    "closed": _BREAKER,
}
NAMED_S_MIN: Final = 0.05  # "again in 0 seconds" must not become a tight loop

# Nobody but the operator can mend these.
BROKEN: Final[frozenset[Kind]] = frozenset({"payment_required", "auth", "permission"})
# One of these proves nothing; many of them open a breaker.
COUNTED: Final[frozenset[Kind]] = frozenset(
    {"overloaded", "failed", "unreachable", "timeout", "closed"}
)
# The provider judged this request; it would say the same to the next one who sends it.
OF_THE_REQUEST: Final[frozenset[Kind]] = frozenset(
    {"context_length", "content_refused", "invalid_request", "unsupported"}
)
# The same target may serve the same request a moment later.
REPEATABLE: Final[frozenset[Kind]] = COUNTED | {"rate_limited", "busy"}

# Which trouble a caller is told of several: what it can mend, then what time mends, the soonest
# first, then what only the operator mends.
_TOLD_FIRST: Final[tuple[Kind, ...]] = (
    "context_length", "content_refused", "invalid_request",
    "rate_limited", "busy", "overloaded", "timeout", "failed", "closed", "unreachable",
    "unsupported", "quota_exhausted", "payment_required", "auth", "permission",
)  # fmt: skip
TOLD_RANK: Final[dict[Kind, int]] = {kind: rank for rank, kind in enumerate(_TOLD_FIRST)}

# None: the provider's own answer goes to the caller unchanged.
REFUSAL_CODES: Final[dict[Kind, str | None]] = {
    "payment_required": "provider_unpaid",
    "quota_exhausted": "provider_quota_exhausted",
    "rate_limited": "provider_rate_limited",
    "overloaded": "provider_overloaded",
    "auth": "provider_key_invalid",
    "permission": "provider_denied",
    "failed": "provider_failed",
    "unreachable": "upstream_unreachable",
    "timeout": "upstream_timeout",
    "closed": "upstream_closed",
    "busy": "upstream_busy",
    "context_length": None,
    "content_refused": None,
    "invalid_request": None,
    "unsupported": None,
}
