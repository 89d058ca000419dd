"""Rules over who pays, what is capped, and how that is told.

What would be accepted and then not kept is refused: a limit that no call can meet, a field that
has no meaning where it stands, a price that would be silently free. Rules over prices are in
`configuration.price_rules`.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from faregate.configuration import price_rules
from faregate.configuration.addresses import bad_page_url, bad_store_url
from faregate.configuration.amounts import TAKES
from faregate.configuration.commerce import Budget, Limit, Quota, Rates, Selection, Wallet
from faregate.configuration.document import Document
from faregate.configuration.price_rules import wrong_moment, wrong_zone
from faregate.configuration.problems import Path, Problem, nearest, twice, unknown
from faregate.configuration.references import is_sealed
from faregate.configuration.tenancy import Names, Scopes, team_named
from faregate.core.money import AMOUNT_NANO_MAX, NANO, parse_amount
from faregate.core.refusals import KINDS, PAYABLE_KINDS

# The paths that limits can be for: those whose calls go to a provider.
_GEMINI_VERBS: Final = (
    "generateContent",
    "streamGenerateContent",
    "embedContent",
    "batchEmbedContents",
    "countTokens",
)
# Paths that rules may select by: the gate's addresses that are forwarded.
ROUTES: Final = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/mistral/v1/chat/completions",
    "/mistral/v1/embeddings",
    "/v2/chat",
    "/api/chat",
    "/api/generate",
    *(f"/v1beta/models/{{model}}:{verb}" for verb in _GEMINI_VERBS),
    *(f"/v1/models/{{model}}:{verb}" for verb in _GEMINI_VERBS),
    "/v1/embeddings",
    "/v2/embed",
    "/api/embed",
    "/api/embeddings",
    "/v1/rerank",
    "/v2/rerank",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
    "/v1/images/variations",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
)
FACTOR_MAX: Final = 1_000
RATE_MAX: Final = 1_000_000
COUNT_MAX: Final = 10**15  # shared counters are exact to 2⁵³, and windows add two of them

_PARTS: Final = (
    "teams",
    "applications",
    "wallets",
    "prices",
    "plans",
    "limits",
    "budgets",
    "catalogue",
)
_FACTORS: Final = frozenset({"markup", "multiplier", "overage_multiplier"})
_RATES: Final = frozenset({*Rates.__struct_fields__, "fallback_price"})
_SHORT: Final = ("second", "minute")
_PAGE_FIX: Final = "write the whole address of a page, such as https://example.com/credit"
# A status of these makes a client do something of its own: sign in again, pay, ask a proxy.
_OWN_MEANING: Final = frozenset({401, 402, 407, 408, 421, 426})


def check(document: Document, scopes: Scopes | None = None) -> Iterator[Problem]:
    """What can't be honoured in the commercial part of a document.

    `scopes` are the document's, where they are made already.
    """
    scopes = scopes or Scopes(document, ROUTES)
    wrong = [*_amounts(document)]
    if wrong:
        yield from wrong  # nothing can be compared with an amount that is none
        return
    yield from _owners(document, scopes)
    yield from _wallets(document.wallets)
    yield from price_rules.check(document, scopes.everything["model"])
    yield from _plans(document)
    yield from _limits(document, scopes)
    yield from _budgets(document, scopes)
    yield from _settings(document)


def _amounts(document: Document) -> Iterator[Problem]:
    """Decimals that are no amounts; those of a file were refused with its shape."""
    for name in _PARTS:
        for at, item in enumerate(getattr(document, name)):
            yield from wrong_amounts(item, (name, at))
    yield from wrong_amounts(document.settings.credit, ("settings", "credit"))


def wrong_amounts(section: msgspec.Struct, path: Path) -> Iterator[Problem]:
    """Decimals of a section that are no amounts."""
    for name in section.__struct_fields__:
        value: Any = getattr(section, name)
        if isinstance(value, Decimal):
            yield from _amount((*path, name), name, value)
        elif isinstance(value, tuple):
            for at, item in enumerate(value):
                if isinstance(item, msgspec.Struct):
                    yield from wrong_amounts(item, (*path, name, at))
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, Decimal):
                    yield from _amount((*path, name, key), name, item)


def _amount(path: Path, name: str, amount: Decimal) -> Iterator[Problem]:
    try:
        parse_amount(amount)
    except ValueError as error:
        reason = str(error).partition(";")[0]
        yield Problem(path, f"this is no amount: {reason}", f"write {TAKES}")
        return
    if name in _FACTORS and amount > FACTOR_MAX:
        yield Problem(
            path,
            f"prices would be multiplied by more than {FACTOR_MAX:,}",
            "write a factor such as 1.2, for a fifth more",
        )
    elif name in _RATES and amount > RATE_MAX:
        yield Problem(
            path,
            "this is more than a dollar for each token",
            f"write dollars for a million tokens, at most {RATE_MAX:,}",
        )


def _refer(path: Path, what: str, name: str | None, names: Names) -> Iterator[Problem]:
    if name is None or name in names[what]:
        return
    fix = f"add the {what} under {what}s, or name one that is there"
    if what == "route":
        fix = f"write {' or '.join(ROUTES)}"
    yield Problem(path, unknown(what, name, [*names[what]]), fix)


def _name_twice(path: Path, items: Sequence[Any], what: str) -> Iterator[Problem]:
    yield from twice((((*path, at, "name"), item.name) for at, item in enumerate(items)), what)


def _owners(document: Document, scopes: Scopes) -> Iterator[Problem]:
    yield from _name_twice(("teams",), document.teams, "a team")
    yield from _name_twice(("applications",), document.applications, "an application")
    for at, team in enumerate(document.teams):
        yield from _refer(("teams", at, "wallet"), "wallet", team.wallet, scopes.of(team.name))
    for at, one in enumerate(document.applications):
        path: Path = ("applications", at)
        if one.team is not None:
            yield from _refer((*path, "team"), "team", one.team, scopes.everything)
        if one.wallet is not None and one.wallet not in scopes.of(one.team)["wallet"]:
            yield Problem(
                (*path, "wallet"),
                scopes.missing(one.team, "wallet", one.wallet),
                "add the wallet under wallets, or name one that is there",
            )
        yield from _refer((*path, "plan"), "plan", one.plan, scopes.everything)
    for at, key in enumerate(document.keys):
        named = team_named(key.name, scopes.everything["team"])
        names = scopes.everything if named is None else scopes.of(named)
        yield from _refer(("keys", at, "application"), "application", key.application, names)


def _wallets(wallets: tuple[Wallet, ...]) -> Iterator[Problem]:
    yield from _name_twice(("wallets",), wallets, "a wallet")
    for at, wallet in enumerate(wallets):
        path: Path = ("wallets", at, "grants")
        yield from _name_twice(path, wallet.grants, "a grant of this wallet")
        for number, grant in enumerate(wallet.grants):
            if grant.amount == 0:
                yield Problem(
                    (*path, number, "amount"),
                    "a grant of nothing",
                    "write an amount above 0, or leave the grant out",
                )
            yield from wrong_moment((*path, number, "expires_at"), grant.expires_at)
        if sum(grant.amount for grant in wallet.grants) > AMOUNT_NANO_MAX // NANO:
            yield Problem(
                path,
                f"the grants are together above {AMOUNT_NANO_MAX // NANO:,}",
                "give the credit to several wallets",
            )


def _plans(document: Document) -> Iterator[Problem]:
    yield from _name_twice(("plans",), document.plans, "a plan")
    for at, plan in enumerate(document.plans):
        path: Path = ("plans", at, "quotas")
        yield from _name_twice(path, plan.quotas, "a quota of this plan")
        for number, quota in enumerate(plan.quotas):
            yield from _quota(quota, (*path, number))
        included = [(number, one) for number, one in enumerate(plan.quotas) if one.included]
        for number, one in included[1:]:
            if one.overage_multiplier != included[0][1].overage_multiplier:
                yield Problem(
                    (*path, number, "overage_multiplier"),
                    f"calls beyond two included volumes would have two prices: "
                    f"{included[0][1].name!r} says another",
                    "write the same overage_multiplier for all included volumes of a plan",
                )


def _quota(quota: Quota, path: Path) -> Iterator[Problem]:
    yield from _countable(path, quota, "max", "carry_over_max")
    yield from wrong_zone((*path, "time_zone"), quota.time_zone)
    if not quota.included and quota.overage_multiplier != 1:
        yield Problem(
            (*path, "overage_multiplier"),
            "calls beyond this quota are refused, so that nothing is multiplied",
            "add 'included: true' to sell what is beyond, or leave overage_multiplier out",
        )
    if quota.upgrade_url is None:
        return
    if quota.included:
        yield Problem(
            (*path, "upgrade_url"),
            "calls beyond an included volume are not refused, so that nobody is sent there",
            "leave upgrade_url out, or leave 'included: true' out",
        )
    elif not is_sealed(quota.upgrade_url) and (reason := bad_page_url(quota.upgrade_url)):
        yield Problem(
            (*path, "upgrade_url"), f"this is not the address of a page: {reason}", _PAGE_FIX
        )


def _countable(path: Path, section: msgspec.Struct, *fields: str) -> Iterator[Problem]:
    for field in fields:
        count = getattr(section, field)
        if count is not None and count > COUNT_MAX:
            yield Problem(
                (*path, field), "this is more than can be counted", f"write at most {COUNT_MAX}"
            )


def _limits(document: Document, scopes: Scopes) -> Iterator[Problem]:
    yield from _name_twice(("limits",), document.limits, "a limit")
    placed: list[tuple[Path, Limit]] = [
        (("limits", at), limit) for at, limit in enumerate(document.limits)
    ]
    for at, plan in enumerate(document.plans):
        yield from _name_twice(("plans", at, "limits"), plan.limits, "a limit of this plan")
        for number, limit in enumerate(plan.limits):
            path: Path = ("plans", at, "limits", number)
            placed.append((path, limit))
            if limit.plans:
                yield Problem(
                    (*path, "plans"),
                    "a limit of a plan is for those on it, and for nobody else",
                    "leave plans out, or move the limit to the document's limits",
                )
    for path, limit in placed:
        yield from _limit(limit, path)
        yield from _selection(limit, path, _selectable(limit.team, scopes))


def _limit(limit: Limit, path: Path) -> Iterator[Problem]:
    yield from _countable(path, limit, "max", "burst")
    if limit.unit == "concurrent":
        for field in ("per", "burst"):
            if getattr(limit, field) is not None:
                yield Problem(
                    (*path, field),
                    "calls at once are not counted in a time",
                    f"leave {field} out, or count requests with 'unit: requests'",
                )
        return
    if limit.per is None:
        yield Problem(
            path,
            f"in which time there may be {limit.max} {limit.unit} is missing",
            "add 'per: minute', or second, hour, day, month; or limit calls at once with "
            "'unit: concurrent'",
        )
    elif limit.burst is not None and limit.per not in _SHORT:
        yield Problem(
            (*path, "burst"),
            f"a limit per {limit.per} is a sliding window, which has no burst",
            "leave burst out, or write 'per: minute' or 'per: second'",
        )


def _selectable(team: str | None, scopes: Scopes) -> Names:
    """What a rule may select: the organisation's binds everybody, a team's its own calls."""
    return scopes.everything if team is None else scopes.of(team)


def _selection(one: Selection, path: Path, names: Names) -> Iterator[Problem]:
    """Names that a selection says; keys may also be made by command, which storage knows."""
    for field in Selection.__struct_fields__:
        here, said = (*path, field), getattr(one, field)
        yield from twice((((*here, at), name) for at, name in enumerate(said)), "the name")
        for at, name in enumerate(said):
            if field == "models":
                yield from price_rules.wrong_model((*here, at), name, names["model"])
            elif field != "keys" and not is_sealed(name):
                yield from _refer((*here, at), field.removesuffix("s"), name, names)


def _budgets(document: Document, scopes: Scopes) -> Iterator[Problem]:
    yield from _name_twice(("budgets",), document.budgets, "a budget")
    for at, budget in enumerate(document.budgets):
        yield from _budget(budget, ("budgets", at))
        yield from _selection(budget, ("budgets", at), _selectable(budget.team, scopes))


def _budget(budget: Budget, path: Path) -> Iterator[Problem]:
    if budget.amount == 0:
        yield Problem(
            (*path, "amount"),
            "a budget of nothing lets no call pass",
            "write an amount above 0; to keep callers from a model, name the models of their keys",
        )
    if budget.rolling and budget.window is None:
        yield Problem(
            (*path, "rolling"),
            "a budget for ever has no window that could slide",
            "add 'window: day', or hour, week, month, year; or leave rolling out",
        )
    if budget.required and budget.each not in ("customer", "run"):
        yield Problem(
            (*path, "required"),
            f"every call has its {budget.each} by its key; none can leave it out",
            "leave required out, or write 'each: customer' or 'each: run'",
        )
    yield from wrong_zone((*path, "time_zone"), budget.time_zone)
    yield from twice(
        (((*path, "alert_at", at), str(one)) for at, one in enumerate(budget.alert_at)),
        "the percentage",
    )


def _settings(document: Document) -> Iterator[Problem]:
    settings = document.settings
    for section, field, url, schemes, fix in (
        ("ledger", "url", settings.ledger.url, ("postgresql",), "postgresql://host/database"),
        (
            "limits",
            "redis_url",
            settings.limits.redis_url,
            ("redis", "rediss", "unix"),
            "redis://host:6379/0",
        ),
    ):
        if url is not None and not is_sealed(url) and (reason := bad_store_url(url, schemes)):
            yield Problem(
                ("settings", section, field),
                f"this address can't be used: {reason}",
                f"write it as {fix}, or ${{env:NAME}} where it holds a password",
            )
    workers = settings.limits.workers_total
    if workers is not None and workers < settings.gate.workers:
        yield Problem(
            ("settings", "limits", "workers_total"),
            f"this node alone has {settings.gate.workers} workers",
            "write the number of workers of all nodes together, or leave it out",
        )
    yield from _credit(document)
    for code, status in settings.refusals.statuses.items():
        yield from _status(code, status, ("settings", "refusals", "statuses", code))


def _credit(document: Document) -> Iterator[Problem]:
    credit, path = document.settings.credit, ("settings", "credit")
    if credit.unknown_price == "fallback":
        if credit.fallback_price is None:
            yield Problem(
                (*path, "unknown_price"),
                "the fallback price is missing",
                "add fallback_price, the dollars for a million tokens of any kind",
            )
        elif credit.fallback_price == 0:
            yield Problem(
                (*path, "fallback_price"),
                "a fallback price of 0 serves free",
                "write a price above 0, or 'unknown_price: free' if that is meant",
            )
    elif credit.fallback_price is not None:
        yield Problem(
            (*path, "fallback_price"),
            f"it has no meaning with 'unknown_price: {credit.unknown_price}'",
            "write 'unknown_price: fallback', or leave fallback_price out",
        )
    url = credit.top_up_url
    if url is not None and not is_sealed(url) and (reason := bad_page_url(url)):
        yield Problem(
            (*path, "top_up_url"), f"this is not the address of a page: {reason}", _PAGE_FIX
        )


def _status(code: str, status: int, path: Path) -> Iterator[Problem]:
    """Another status must not turn around whose side a refusal is on, or how clients act."""
    kinds = [kinds[code] for kinds in (KINDS, PAYABLE_KINDS) if code in kinds]
    if not kinds:
        meant = nearest(code, [*KINDS])
        yield Problem(
            path,
            f"there is no code {code!r}" + (f"; did you mean {meant!r}?" if meant else ""),
            "name a code of the reference of refusals",
        )
        return
    own = {kind.status for kind in kinds}
    if status // 100 not in {one // 100 for one in own}:
        side = "the caller's" if min(own) < 500 else "not the caller's"
        yield Problem(
            path,
            f"{status} would say the wrong side: {code} is {side}",
            f"write a status from {min(own) // 100}00 to {max(own) // 100}99, or leave it out",
        )
    elif status in _OWN_MEANING and status not in own:
        yield Problem(
            path,
            f"clients do something of their own at {status}, which {code} does not mean",
            "write another status, such as "
            + ("400, 403 or 429" if status < 500 else "503")
            + ", or leave it out",
        )
