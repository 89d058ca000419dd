"""Refusals: what stopped a call, whose side it is on, and the way out.

One rule decides every status (ARCHITECTURE.md, "The refusal rule"): what would fix it?
Payment is 402, time alone 429, naming oneself 401, neither money nor time 403, mending the
request another 4xx, and whatever the operator or a provider must fix is 5xx. The table below is
the only place where a code meets a status.

Sources: RFC 9110 §15, RFC 9457 (problem details), RFC 6585 (428, 429, 431).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

Side = Literal["caller", "operator", "provider"]
Scope = Literal[
    "request", "key", "application", "team", "customer", "run", "model", "route", "provider",
    "plan", "wallet", "budget", "quota", "limit", "gate",
]  # fmt: skip

REFERENCE_PATH: Final = "/refusals/"
RETRY_SOON_S: Final = 60  # a longer wait is for people and schedulers, not for an SDK's loop


class Kind(msgspec.Struct, frozen=True):
    """What is the same for every refusal of one code."""

    code: str
    status: int
    side: Side
    title: str
    retryable: bool
    fix: str
    openai_type: str = "invalid_request_error"


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way out that a program can take.

    "wait": `seconds`. "set": the request's field `name` to `value`. "top_up": the wallet `name` by
    `amount`. "raise": the cap or limit `name` to at least `amount` or `value`.
    """

    kind: Literal["wait", "set", "top_up", "raise"]
    name: str | None = None
    value: int | str | None = None
    amount: str | None = None
    seconds: int | None = None


class Fix(msgspec.Struct, frozen=True, omit_defaults=True):
    """A way out: a sentence, and an address or a command where one exists."""

    text: str
    url: str | None = None
    command: str | None = None
    change: Change | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one call was not served.

    `detail` speaks of this call; `param` names the field or header to mend; `subject` names the
    wallet, budget, limit or quota of `scope`. `retry_after_s` is whole seconds; `resets_ns`
    nanoseconds since 1970. `needed_nano`, `available_nano` and `held_nano` are money; `limit` and
    `used` are counts, or nano-dollars where `scope` is a budget. `headers` are extra fields for
    the reply, names in lower case. `repeats`: this very object refuses many calls, so that what is
    made of it is worth keeping. `reason` is more, for the operator alone.
    """

    kind: Kind
    detail: str
    scope: Scope = "request"
    param: str | None = None
    subject: str | None = None
    retry_after_s: int | None = None
    limit: int | None = None
    used: int | None = None
    resets_ns: int | None = None
    needed_nano: int | None = None
    available_nano: int | None = None
    held_nano: int | None = None
    affordable_output_tokens: int | None = None
    fixes: tuple[Fix, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    repeats: bool = False
    reason: str = ""

    @property
    def should_retry(self) -> bool:
        """Whether the same request, sent again by a program, can pass soon."""
        if not self.kind.retryable:
            return False
        return self.retry_after_s is None or self.retry_after_s <= RETRY_SOON_S

    @property
    def code(self) -> str:
        """The stable name; it never changes, whatever status it is mapped to."""
        return self.kind.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    def told_status(self, statuses: Mapping[str, int] | None) -> int:
        """The status that callers see, where an operator maps some codes."""
        status = self.kind.status
        return statuses.get(self.kind.code, status) if statuses else status

    @property
    def type_uri(self) -> str:
        """Where this code is explained: a path on the gate, to work offline.

        RFC 9457 §3.1.1 lets `type` be a relative reference.
        """
        return f"{REFERENCE_PATH}{self.kind.code}"


def refuse(
    code: str, detail: str, *, fixes: tuple[Fix, ...] = (), payable: bool = False, **facts: Any
) -> Refusal:
    """A refusal of a known code; without `fixes`, with its usual way out.

    `payable`: more can be bought now, so that the code's 402 applies instead of its 429. `facts`
    are the other members of `Refusal`.
    """
    kind = PAYABLE_KINDS[code] if payable else KINDS[code]
    return Refusal(kind=kind, detail=detail, fixes=fixes or (Fix(kind.fix),), **facts)


_ROWS: Final = (
    # -- the caller names itself: 401 ----------------------------------------------------------
    Kind(
        "key_missing", 401, "caller", "No key was sent", False,
        "Send your key as 'Authorization: Bearer fg_...' or as 'x-api-key: fg_...'.",
        "authentication_error",
    ),
    Kind(
        "key_unknown", 401, "caller", "This key is not known here", False,
        "Check that the whole key was copied and that it belongs to this gateway; "
        "ask for a new one if it is lost.",
        "authentication_error",
    ),
    Kind(
        "key_expired", 401, "caller", "This key has expired", False,
        "Ask the operator of this gateway for a new key.", "authentication_error",
    ),
    Kind(
        "key_revoked", 401, "caller", "This key was revoked", False,
        "Ask the operator of this gateway for a new key.", "authentication_error",
    ),
    Kind(
        "credentials_missing", 401, "caller", "The request doesn't say whose it is", False,
        "Identify yourself in one of the ways that this address takes; the answer names them.",
        "authentication_error",
    ),
    Kind(
        "credentials_disagree", 401, "caller", "The credentials are not of one application", False,
        "Send credentials of one and the same application.", "authentication_error",
    ),
    Kind(
        "token_invalid", 401, "caller", "This token is not taken here", False,
        "Get a new token for this gateway from where your tokens come from.",
        "authentication_error",
    ),
    Kind(
        "token_expired", 401, "caller", "This token has expired", False,
        "Get a new token, and send the request again with it.",
        "authentication_error",
    ),
    Kind(
        "signature_invalid", 401, "caller", "The signature is not right", False,
        "Sign the request as it is sent, as the guide to callers shows, with your own secret.",
        "authentication_error",
    ),
    Kind(
        "signature_expired", 401, "caller", "The signature is not of this moment", False,
        "Set your clock, and sign every request just before it is sent.",
        "authentication_error",
    ),
    Kind(
        "signature_replayed", 401, "caller", "This signature was used before", False,
        "Sign every request anew, each with a nonce of its own.",
        "authentication_error",
    ),
    Kind(
        "certificate_missing", 401, "caller", "No client certificate was shown", False,
        "Connect with your client certificate and its key.",
        "authentication_error",
    ),
    Kind(
        "certificate_unknown", 401, "caller", "This client certificate is not known here", False,
        "Connect with the certificate that you were given, or have the operator add this one.",
        "authentication_error",
    ),
    # -- the caller pays, or lowers the price of this call: 402 ----------------------------------
    Kind(
        "credit_exhausted", 402, "caller", "The credit is used up", False,
        "Top up the wallet, then send the request again.", "insufficient_quota",
    ),
    Kind(
        "call_too_large", 402, "caller", "This call may cost more than there is credit for", False,
        "Lower the output limit to affordable_max_tokens or less, or top up the wallet.",
        "insufficient_quota",
    ),
    # -- not permitted: 403 --------------------------------------------------------------------
    Kind(
        "model_not_allowed", 403, "caller", "This key may not use this model", False,
        "Use a model that GET /v1/models lists for this key, or ask the operator to allow it.",
        "permission_error",
    ),
    Kind(
        "authentication_method_not_allowed", 403, "caller",
        "This address doesn't take this way of identifying oneself", False,
        "Identify yourself in one of the ways that this address takes; the answer names them.",
        "permission_error",
    ),
    Kind(
        "caller_not_mapped", 403, "caller", "This token stands for no application here", False,
        "Ask the operator to give your identity an application.",
        "permission_error",
    ),
    # -- the caller mends the request: other 4xx -----------------------------------------------
    Kind(
        "request_malformed", 400, "caller", "The request is not valid HTTP/1.1", False,
        "Send the request with a standard HTTP client.",
    ),
    Kind(
        "request_invalid", 400, "caller", "The request can't be understood", False,
        "Mend the field that is named and send the request again.",
    ),
    Kind(
        "operation_unsupported", 400, "caller", "The model does not serve this operation", False,
        "Use a model that serves this address, or ask this model at another address.",
    ),
    Kind(
        "unsupported_parameter", 400, "caller", "The model can't take a part of the request", False,
        "Leave out the part that is named, or let it be dropped: 'Faregate-Unsupported: drop'.",
    ),
    Kind(
        "request_rejected", 400, "caller", "The provider refused the request as it is", False,
        "Mend what the provider's words name and send the request again.",
    ),
    Kind(
        "route_unknown", 404, "caller", "There is nothing at this address", False,
        "Check the path; the addresses of this gateway are in its API reference.",
    ),
    Kind(
        "model_unknown", 404, "caller", "There is no model of this name", False,
        "Use a model that GET /v1/models lists.",
    ),
    Kind(
        "call_unknown", 404, "caller", "There is no such call of this key", False,
        "Check the call's id; calls are kept for a limited time.",
    ),
    Kind(
        "method_not_allowed", 405, "caller", "This address does not take this method", False,
        "Use a method that the Allow header names.",
    ),
    Kind(
        "file_unknown", 404, "caller", "There is no such file of this key", False,
        "GET /v1/files lists the files of your application or key; expired ones are gone.",
    ),
    Kind(
        "batch_unknown", 404, "caller", "There is no such batch of this key", False,
        "GET /v1/batches, or /v1/messages/batches, lists those of your application or key.",
    ),
    Kind(
        "request_timeout", 408, "caller", "The request took too long to arrive", True,
        "Send the request again, over a connection that keeps sending.",
    ),
    Kind(
        "length_required", 411, "caller", "The length of the body is not stated", False,
        "Send Content-Length, or Transfer-Encoding: chunked.",
    ),
    Kind(
        "request_exceeds_limit", 413, "caller", "This call is above what a limit ever lets through",
        False,
        "Send a shorter request, or lower its output limit.",
    ),
    Kind(
        "storage_full", 409, "caller", "There is no room for more of these", False,
        "Delete files that you no longer need, or wait for open batches to end.",
    ),
    Kind(
        "batch_state_conflict", 409, "caller", "The batch is not in a state for this", False,
        "Look at the batch's state: what has ended can't be cancelled, what is open has no "
        "results and can't be deleted.",
    ),
    Kind(
        "file_too_large", 413, "caller", "The file is too large", False,
        "Split it into smaller files.",
    ),
    Kind(
        "body_too_large", 413, "caller", "The body is too large", False,
        "Send a smaller body; the limit is in this answer.",
    ),
    Kind(
        "target_too_long", 414, "caller", "The address is too long", False,
        "Move data from the address into the body.",
    ),
    Kind(
        "media_type_unsupported", 415, "caller", "This form of body is not read here", False,
        "Send application/json, plain or encoded as gzip, deflate, br or zstd.",
    ),
    Kind(
        "expectation_failed", 417, "caller", "The Expect header asks for something unknown", False,
        "Leave the Expect header out, or send 'Expect: 100-continue'.",
    ),
    Kind(
        "headers_too_large", 431, "caller", "The headers are too large or too many", False,
        "Send fewer or shorter headers.",
    ),
    # -- time alone: 429 -----------------------------------------------------------------------
    Kind(
        "rate_limited", 429, "caller", "Too many requests in this time", True,
        "Wait for the time in Retry-After, then send the request again.",
        "rate_limit_error",
    ),
    Kind(
        "tokens_limited", 429, "caller", "Too many tokens in this time", True,
        "Wait for the time in Retry-After, then send the request again.",
        "rate_limit_error",
    ),
    Kind(
        "concurrency_limited", 429, "caller", "Too many calls at once", True,
        "Wait until one of your calls has ended, then send the request again.",
        "rate_limit_error",
    ),
    Kind(
        "quota_exhausted", 429, "caller", "The quota of this period is used up", True,
        "Wait until the quota renews; resets_at says when.",
        "insufficient_quota",
    ),
    Kind(
        "budget_exhausted", 429, "caller", "The budget of this period is used up", True,
        "Wait until the budget renews; resets_at says when.",
        "insufficient_quota",
    ),
    Kind(
        "credit_held", 429, "caller", "The credit is held by calls in flight", True,
        "Wait until some of your calls have ended, then send the request again.",
        "rate_limit_error",
    ),
    Kind(
        "provider_rate_limited", 429, "provider", "The provider limits its rate just now", True,
        "Wait for the time in Retry-After, then send the request again.",
        "rate_limit_error",
    ),
    # -- the operator or a provider: 5xx -------------------------------------------------------
    Kind(
        "internal_error", 500, "operator", "The gateway made a mistake", True,
        "Report the call id to the operator of this gateway.",
        "api_error",
    ),
    Kind(
        "price_unknown", 500, "operator", "The price of this model is not known", False,
        "The operator must add a price for this model, or say what calls without one cost.",
        "api_error",
    ),
    Kind(
        "method_unknown", 501, "caller", "This method is not known here", False,
        "Use GET, HEAD, OPTIONS or POST.",
    ),
    Kind(
        "transfer_coding_unsupported", 501, "caller", "This transfer coding is unknown", False,
        "Send the body with Content-Length, or with 'Transfer-Encoding: chunked' alone.",
    ),
    Kind(
        "upstream_unreachable", 502, "provider", "The provider can't be reached", True,
        "Try again; if it lasts, the operator must check the provider's address and the network.",
        "api_error",
    ),
    Kind(
        "upstream_closed", 502, "provider", "The provider broke the connection", True,
        "Try again; if it lasts, the operator must ask the provider.",
        "api_error",
    ),
    Kind(
        "upstream_malformed", 502, "provider", "The provider's reply is not valid", True,
        "Try again; if it lasts, the operator must ask the provider.",
        "api_error",
    ),
    Kind(
        "provider_failed", 502, "provider", "The provider failed", True,
        "Try again; if it lasts, the operator must ask the provider.",
        "api_error",
    ),
    Kind(
        "provider_key_invalid", 503, "operator", "The provider refuses the operator's key", False,
        "The operator must renew the provider's key: faregate providers test.",
        "api_error",
    ),
    Kind(
        "provider_denied", 503, "operator", "The provider denies this to the operator", False,
        "The operator must check what its account at the provider may use.",
        "api_error",
    ),
    Kind(
        "provider_unpaid", 503, "operator", "The operator's provider account is empty", False,
        "The operator must top up its account at the provider; your own credit is not the cause.",
        "api_error",
    ),
    Kind(
        "provider_quota_exhausted", 503, "operator", "The operator's provider quota is used up",
        False,
        "The operator must raise its quota at the provider, or wait for it to renew.",
        "api_error",
    ),
    Kind(
        "provider_budget_exhausted", 503, "operator", "The provider's budget is used up", False,
        "The operator must raise the provider's budget, or wait for it to renew.",
        "api_error",
    ),
    Kind(
        "provider_overloaded", 503, "provider", "The provider is overloaded", True,
        "Try again in a moment.", "api_error",
    ),
    Kind(
        "no_healthy_upstream", 503, "operator", "No provider can serve this model just now", True,
        "Try again after Retry-After; the operator must look into the state of the providers.",
        "api_error",
    ),
    Kind(
        "upstream_busy", 503, "operator", "All connections to the provider are in use", True,
        "Try again in a moment; the operator may raise connections_max of the provider.",
        "api_error",
    ),
    Kind(
        "key_store_unavailable", 503, "operator", "Keys can't be looked up just now", True,
        "Try again in a moment; the operator must check the database.",
        "api_error",
    ),
    Kind(
        "identity_provider_unavailable", 503, "operator",
        "The identity provider's keys can't be had just now", True,
        "Try again in a moment; the operator must check jwks_url and the network.",
        "api_error",
    ),
    Kind(
        "ledger_unavailable", 503, "operator", "Credit can't be looked up just now", True,
        "Try again in a moment; the operator must check the ledger's database.",
        "api_error",
    ),
    Kind(
        "limits_unavailable", 503, "operator", "Limits can't be counted just now", True,
        "Try again in a moment; the operator must check the shared counters (Redis or Valkey).",
        "api_error",
    ),
    Kind(
        "call_log_unavailable", 503, "operator", "Past calls can't be read just now", True,
        "Try again in a moment; the operator must check the call log in the data folder.",
        "api_error",
    ),
    Kind(
        "files_unavailable", 503, "operator", "Files and batches can't be used just now", True,
        "Try again in a moment; the operator must check files.db and files/ in the data folder.",
        "api_error",
    ),
    Kind(
        "journal_unavailable", 503, "operator", "Calls can't be recorded just now", True,
        "Try again later; the operator must free space on the disk of the data folder.",
        "api_error",
    ),
    Kind(
        "gate_overloaded", 503, "operator", "This gateway is at one of its limits", True,
        "Try again in a moment.",
        "api_error",
    ),
    Kind(
        "upstream_timeout", 504, "provider", "The provider did not answer in time", True,
        "Try again, or ask for less; the operator may raise the provider's timeouts.",
        "api_error",
    ),
    Kind(
        "http_version_unsupported", 505, "caller", "This version of HTTP is not spoken here", False,
        "Use HTTP/1.1; put a proxy in front for HTTP/2 and HTTP/3.",
    ),
)  # fmt: skip

KINDS: Final[dict[str, Kind]] = {kind.code: kind for kind in _ROWS}

_PAYABLE_ROWS: Final = (
    Kind(
        "budget_exhausted", 402, "caller", "A budget that does not renew is used up", False,
        "Ask the owner of the budget to raise it.",
        "insufficient_quota",
    ),
    Kind(
        "quota_exhausted", 402, "caller", "The quota of this period is used up", False,
        "Buy more volume, or wait until the quota renews; resets_at says when.",
        "insufficient_quota",
    ),
)  # fmt: skip

# The codes of time alone whose way out may be payment, where more can be bought now.
PAYABLE_KINDS: Final[dict[str, Kind]] = {kind.code: kind for kind in _PAYABLE_ROWS}
