"""One refusal of every code, as the gate would write it, with the facts that it knows.

The pages of docs/reference/refusals show the bodies of those of credit and limits.
"""

from typing import Any, Final

from faregate.core.refusals import KINDS, PAYABLE_KINDS, Change, Fix, Refusal, refuse

CALL_ID: Final = "call_06m9xvv7gfpqs2pm4t8zx5k1dw"
DOLLAR: Final = 1_000_000_000
TOP_UP_URL: Final = "https://credit.example.com/top-up"
DECEMBER_NS: Final = 1_796_083_200 * DOLLAR  # 2026-12-01T00:00:00Z

_TOP_UP: Final = Fix(
    "Top up the wallet 'shop' by 0.0123 USD or more.",
    url=TOP_UP_URL,
    change=Change("top_up", name="shop", amount="0.0123"),
)
_RAISE: Final = Fix(
    "Ask the owner of the budget 'monthly' to raise it to 500.0123 USD or more.",
    change=Change("raise", name="monthly", amount="500.0123"),
)


def _wait(text: str, seconds: int) -> Fix:
    return Fix(text, change=Change("wait", seconds=seconds))


def _wallets() -> list[Refusal]:
    shop: dict[str, Any] = {"scope": "wallet", "subject": "shop", "needed_nano": 12_300_000}
    return [
        refuse(
            "credit_exhausted",
            "This call may cost up to 0.0123 USD; the wallet 'shop' has 0.00 USD available.",
            available_nano=0,
            held_nano=0,
            fixes=(_TOP_UP,),
            **shop,
        ),
        refuse(
            "call_too_large",
            "This call may cost up to 0.0819 USD; the wallet 'shop' has 0.0696 USD available.",
            available_nano=69_600_000,
            held_nano=0,
            affordable_output_tokens=3_400,
            fixes=(
                Fix(
                    "Set the output limit (max_tokens) to 3400 or less.",
                    change=Change("set", name="max_tokens", value=3_400),
                ),
                _TOP_UP,
            ),
            **shop | {"needed_nano": 81_900_000},
        ),
        refuse(
            "credit_held",
            "This call may cost up to 0.0123 USD; the wallet 'shop' has that, but 0.045 USD of "
            "it is held by calls in flight.",
            retry_after_s=1,
            available_nano=5_000_000,
            held_nano=45_000_000,
            **shop,
        ),
        refuse(
            "price_unknown",
            "The model 'small' has no price here, so it can't be charged.",
            scope="model",
            param="model",
        ),
    ]


def _budgets() -> list[Refusal]:
    monthly: dict[str, Any] = {
        "scope": "budget",
        "subject": "monthly",
        "limit": 500 * DOLLAR,
        "used": 500 * DOLLAR,
        "needed_nano": 12_300_000,
        "available_nano": 0,
        "held_nano": 0,
    }
    return [
        refuse(
            "budget_exhausted",
            "This call may cost up to 0.0123 USD; the budget 'monthly' of 'shop' has 0.00 USD "
            "left.",
            retry_after_s=842_400,
            resets_ns=DECEMBER_NS,
            fixes=(_wait("The budget renews at 2026-12-01T00:00:00Z.", 842_400), _RAISE),
            **monthly,
        ),
        refuse(
            "budget_exhausted",
            "This call may cost up to 0.0123 USD; the budget 'monthly' of 'shop' has 0.00 USD "
            "left.",
            payable=True,
            fixes=(_RAISE,),
            **monthly,
        ),
    ]


def _quotas() -> list[Refusal]:
    calls: dict[str, Any] = {
        "scope": "quota",
        "subject": "calls",
        "limit": 10_000,
        "used": 10_000,
        "resets_ns": DECEMBER_NS,
    }
    spent = (
        "This call counts for up to 1 requests; the quota 'calls' of 'shop' has 0 of 10000 left."
    )
    return [
        refuse(
            "quota_exhausted",
            spent,
            retry_after_s=842_400,
            fixes=(_wait("Wait 842400 s.", 842_400),),
            **calls,
        ),
        refuse(
            "quota_exhausted",
            spent,
            payable=True,
            fixes=(
                Fix("Buy more volume now.", url="https://credit.example.com/plans"),
                _wait("Wait 842400 s.", 842_400),
            ),
            **calls,
        ),
    ]


def _limits() -> list[Refusal]:
    return [
        refuse(
            "rate_limited",
            "The limit 'burst' is 100 requests in a minute for 'web'; this call counts for 1.",
            scope="limit",
            subject="burst",
            retry_after_s=7,
            limit=100,
            used=100,
            fixes=(_wait("Wait 7 s, then send it again.", 7),),
        ),
        refuse(
            "tokens_limited",
            "The limit 'volume' is 20000 tokens in a minute for 'web'; this call counts for 1800.",
            scope="limit",
            subject="volume",
            retry_after_s=21,
            limit=20_000,
            used=19_000,
            fixes=(_wait("Wait 21 s, then send it again.", 21),),
        ),
        refuse(
            "concurrency_limited",
            "The limit 'at-once' is 4 calls at once for 'web'.",
            scope="limit",
            subject="at-once",
            retry_after_s=1,
            limit=4,
            used=4,
            fixes=(_wait("Wait 1 s, then send it again.", 1),),
        ),
        refuse(
            "request_exceeds_limit",
            "This call counts for 30000 tokens; the limit 'volume' never lets more than 20000 "
            "through.",
            scope="limit",
            subject="volume",
            limit=20_000,
            used=0,
            fixes=(Fix("Send a shorter request, or lower its output limit; no waiting helps."),),
        ),
    ]


def _unavailable() -> list[Refusal]:
    return [
        refuse("ledger_unavailable", "The ledger does not answer.", scope="gate"),
        refuse("limits_unavailable", "The shared counters of limits do not answer.", scope="gate"),
        refuse("call_unknown", f"No call {CALL_ID} of this key is known."),
    ]


def _all() -> tuple[Refusal, ...]:
    shown = (*_wallets(), *_budgets(), *_quotas(), *_limits(), *_unavailable())
    detailed = {(each.code, each.status): each for each in shown}
    kinds = (*KINDS.values(), *PAYABLE_KINDS.values())
    return tuple(
        detailed.get((kind.code, kind.status)) or refuse(kind.code, "Something is off.")
        for kind in kinds
    )


REFUSALS: Final = _all()


def label(refusal: Refusal) -> str:
    """What names a refusal in a list of tests."""
    return f"{refusal.code}-{refusal.status}"
