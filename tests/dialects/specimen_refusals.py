"""One refusal of every code, as the gate would write it, with the facts that it knows.

The pages of docs/reference/refusals show the bodies of those of credit and limits.
"""

from typing import Final

from faregate.core.refusals import KINDS, PAYABLE_KINDS, Change, Fix, Refusal, refuse

CALL_ID: Final = "call_06m9xvv7gfpqs2pm4t8zx5k1dw"
DOLLAR: Final = 1_000_000_000
TOP_UP_URL: Final = "https://credit.example.com/top-up"
DECEMBER_NS: Final = 1_796_083_200 * DOLLAR  # 2026-12-01T00:00:00Z

_TOP_UP: Final = Fix(
    "Top up the wallet 'shop' by at least 0.0123.",
    url=TOP_UP_URL,
    command="faregate wallets grant shop 0.0123",
    change=Change("top_up", name="shop", amount="0.0123"),
)


def _wait(text: str, seconds: int) -> Fix:
    return Fix(text, change=Change("wait", seconds=seconds))


def _detailed() -> list[Refusal]:
    return [
        refuse(
            "credit_exhausted",
            "The wallet 'shop' has 0.00; this call may cost 0.0123.",
            scope="wallet",
            subject="shop",
            needed_nano=12_300_000,
            available_nano=0,
            held_nano=0,
            fixes=(_TOP_UP,),
        ),
        refuse(
            "call_too_large",
            "This call may cost 0.0819; the wallet 'shop' has 0.0696.",
            scope="wallet",
            subject="shop",
            param="max_tokens",
            needed_nano=81_900_000,
            available_nano=69_600_000,
            held_nano=0,
            affordable_output_tokens=3_400,
            fixes=(
                Fix(
                    "Set max_tokens to 3400 or less.",
                    change=Change("set", name="max_tokens", value=3_400),
                ),
                _TOP_UP,
            ),
        ),
        refuse(
            "credit_held",
            "The wallet 'shop' has 0.05, of which calls in flight hold 0.045; "
            "this call may cost 0.0123.",
            scope="wallet",
            subject="shop",
            retry_after_s=2,
            needed_nano=12_300_000,
            available_nano=5_000_000,
            held_nano=45_000_000,
            fixes=(_wait("Wait 2 seconds, until some of your calls have ended.", 2),),
        ),
        refuse(
            "budget_exhausted",
            "The budget 'team-monthly' of the team 'shop' is used up: 500.00 of 500.00.",
            scope="budget",
            subject="team-monthly",
            retry_after_s=842_400,
            limit=500 * DOLLAR,
            used=500 * DOLLAR,
            resets_ns=DECEMBER_NS,
            needed_nano=12_300_000,
            available_nano=0,
            held_nano=0,
            fixes=(
                _wait("Wait until the budget renews at 2026-12-01T00:00:00Z.", 842_400),
                Fix(
                    "Ask the owner of the budget 'team-monthly' to raise it.",
                    change=Change("raise", name="team-monthly", amount="500.0123"),
                ),
            ),
        ),
        refuse(
            "budget_exhausted",
            "The budget 'run' of the run 'r-17' is used up: 2.00 of 2.00.",
            payable=True,
            scope="budget",
            subject="run",
            limit=2 * DOLLAR,
            used=2 * DOLLAR,
            needed_nano=12_300_000,
            available_nano=0,
            held_nano=0,
            fixes=(
                Fix(
                    "Ask the owner of the budget 'run' to raise it.",
                    change=Change("raise", name="run", amount="2.0123"),
                ),
            ),
        ),
        refuse(
            "quota_exhausted",
            "The quota 'calls' of the application 'shop' is used up: 10000 of 10000 requests.",
            scope="quota",
            subject="calls",
            retry_after_s=842_400,
            limit=10_000,
            used=10_000,
            resets_ns=DECEMBER_NS,
            fixes=(_wait("Wait until the quota renews at 2026-12-01T00:00:00Z.", 842_400),),
        ),
        refuse(
            "quota_exhausted",
            "The quota 'calls' of the application 'shop' is used up: 10000 of 10000 requests.",
            payable=True,
            scope="quota",
            subject="calls",
            limit=10_000,
            used=10_000,
            resets_ns=DECEMBER_NS,
            fixes=(
                Fix(
                    "Buy more volume.",
                    url="https://credit.example.com/plans",
                    change=Change("raise", name="calls", value=10_001),
                ),
            ),
        ),
        refuse(
            "rate_limited",
            "The limit 'burst' of the key 'web' lets 100 requests through in a minute.",
            scope="limit",
            subject="burst",
            retry_after_s=7,
            limit=100,
            used=100,
            fixes=(_wait("Wait 7 seconds.", 7),),
        ),
        refuse(
            "tokens_limited",
            "The limit 'volume' of the key 'web' lets 20000 tokens through in a minute; "
            "this call may use 1800.",
            scope="limit",
            subject="volume",
            retry_after_s=21,
            limit=20_000,
            used=19_000,
            fixes=(_wait("Wait 21 seconds.", 21),),
        ),
        refuse(
            "concurrency_limited",
            "The limit 'at-once' of the key 'web' lets 4 calls run at once.",
            scope="limit",
            subject="at-once",
            retry_after_s=1,
            limit=4,
            used=4,
            fixes=(_wait("Wait until one of your calls has ended.", 1),),
        ),
        refuse(
            "price_unknown",
            "The model 'small' has no price, and the wallet 'shop' would pay for it.",
            scope="model",
            subject="small",
            param="model",
        ),
        refuse("ledger_unavailable", "The ledger does not answer.", scope="gate"),
        refuse("limits_unavailable", "The shared counters do not answer.", scope="gate"),
        refuse("call_unknown", f"There is no call '{CALL_ID}' of this key.", scope="request"),
    ]


def _all() -> tuple[Refusal, ...]:
    detailed = {(each.code, each.status): each for each in _detailed()}
    kinds = (*KINDS.values(), *PAYABLE_KINDS.values())
    return tuple(
        detailed.get((kind.code, kind.status)) or refuse(kind.code, "Something is off.")
        for kind in kinds
    )


REFUSALS: Final = _all()


def label(refusal: Refusal) -> str:
    """What names a refusal in a list of tests."""
    return f"{refusal.code}-{refusal.status}"
