"""Situations of every kind that a call can meet, made by hypothesis: what stands, what is asked.

A theme makes one kind of trouble more frequent; all else is as by chance.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from faregate.core.money import format_amount

MODELS: list[dict[str, Any]] = [
    {"name": "paid", "provider": "simulated"},
    {"name": "paid-small", "provider": "simulated", "output_tokens_max": 2_000},
    {"name": "thinker", "provider": "simulated", "hidden_reasoning": True,
     "output_tokens_max": 8_000},
    {"name": "exact", "provider": "simulated", "tokenizer": "cl100k_base"},
    {"name": "free", "provider": "simulated", "aliases": ["gratis"]},
    {"name": "unpriced", "provider": "simulated"},
    {"name": "claude", "provider": "claude", "output_tokens_max": 4_000},
    {"name": "sick-model", "provider": "sick"},
]  # fmt: skip
VIRTUAL: list[dict[str, Any]] = [
    {"name": "either", "targets": [{"model": "claude"}, {"model": "paid-small"}]},
    {"name": "lenient", "targets": [{"model": "claude"}], "unsupported": "drop"},
    {"name": "backed", "targets": [{"model": "sick-model"}], "fallbacks": {"failure": ["claude"]}},
    {"name": "ailing", "targets": [{"model": "sick-model"}]},
    {"name": "streaming", "targets": [{"model": "free", "when": "stream"}]},
]  # fmt: skip
PRICES: list[dict[str, Any]] = [
    {"model": "paid", "input": "2.50", "output": "10"},
    {"model": "paid-small", "input": "1", "output": "4", "request": "0.0001"},
    {"model": "thinker", "input": "15", "output": "60",
     "tiers": [{"above_input_tokens": 2_000, "input": "30", "output": "90"}]},
    {"model": "exact", "input": "3", "output": "15"},
    {"model": "free", "input": "0", "output": "0"},
    {"model": "claude", "input": "3", "output": "15"},
    {"model": "sick-model", "input": "2", "output": "8"},
]  # fmt: skip
THEMES = ("any", "caller", "provider", "limits", "credit")
ODD_KEYS = ["limited", "expired", "revoked", "unknown", "missing"]
KEYS = {"any": ["ok"] * 20 + ODD_KEYS, "caller": ["ok"] * 4 + ["limited"] * 2 + ODD_KEYS}
ASKED = [
    *["paid"] * 5, *["paid-small"] * 4, "thinker", "exact", "free", "gratis", "unpriced",
    "nowhere", "pait", *["claude"] * 4, "sick-model",
    *(one["name"] for one in VIRTUAL),
]  # fmt: skip
ASKED_OF_TROUBLED = [
    *["claude"] * 3, *["sick-model"] * 2, "unpriced", "nowhere", *(one["name"] for one in VIRTUAL),
]  # fmt: skip
ODD_TEXTS = [
    "", "{", "[]", '{"model": 7}', '{"messages": []}', '{"model":"paid","max_tokens":-1}',
]  # fmt: skip
ODD_PATHS = ["/v1/nothing", "/v1/chat", "/v1/models", "/v1/models/paid"]
# What another dialect has no place for, or may leave out.
UNSUPPORTED: list[dict[str, Any]] = [
    {"seed": 7}, {"logit_bias": {"1": 2}}, {"seed": 7, "store": True}, {"store": True},
]  # fmt: skip
MORE_HEADERS = [
    {"faregate-unsupported": "drop"}, {"faregate-timeout": "30"}, {"faregate-timeout": "soon"},
]  # fmt: skip
TEXTS = ["hello", "Where is the fare paid?", "grüße ", "\U0001f689 gate ", "word "]


@dataclass
class Situation:
    """One call and all that it meets; amounts are nano-dollars, shares parts of a cap."""

    key: str
    path: str
    body: dict[str, Any]
    text: str | None  # sent instead of the body
    method: str
    headers: dict[str, str]
    commerce: dict[str, Any]
    settings: dict[str, Any]
    granted: int
    drawn_share: float  # of each purse, by another worker
    settled_share: float  # of that, not coming back
    posted_share: float  # of a rolling purse, spent an hour ago
    limits_taken_share: float
    in_flight: int
    as_operator: bool
    is_sick: bool  # the account "sick" rests


@st.composite
def bodies(draw: st.DrawFn, path: str, theme: str = "any") -> dict[str, Any]:
    """A body that is well formed, of whatever size and wishes."""
    model = draw(st.sampled_from(ASKED_OF_TROUBLED if theme == "provider" else ASKED))
    text = draw(st.sampled_from(TEXTS)) * draw(st.sampled_from([1, 1, 10, 300, 3_000]))
    body: dict[str, Any] = {"model": model}
    if path.endswith("embeddings"):
        return body | {"input": text}
    if path.endswith(("chat/completions", "messages")):
        body["messages"] = [{"role": "user", "content": text}]
    else:
        body["prompt"] = text
    limit = draw(st.sampled_from([None, None, 1, 16, 256, 1_000, 5_000, 100_000]))
    if limit is not None:
        name = draw(st.sampled_from(["max_tokens", "max_tokens", "max_completion_tokens"]))
        body[name if "messages" in body else "max_tokens"] = limit
    if path.endswith("messages"):
        body["max_tokens"] = limit or 256
        body.pop("max_completion_tokens", None)
        return body | ({"stream": True} if draw(st.booleans()) else {})
    if model in ("claude", "either", "lenient", "backed") and draw(st.booleans()):
        body |= draw(st.sampled_from(UNSUPPORTED))
    if draw(st.integers(0, 3)) == 0:
        body["stream"] = True
    if draw(st.integers(0, 5)) == 0:
        body["n"] = draw(st.integers(1, 4))
    if draw(st.integers(0, 3)) == 0:
        body["user"] = "customer-7"
    return body


def _amounts() -> st.SearchStrategy[int]:
    """From nothing to a hundred dollars, as many small ones as large ones."""
    exponents = st.floats(4, 10).map(lambda exponent: int(10**exponent))
    return st.one_of(exponents, exponents, exponents, st.just(0))


@st.composite
def limits(draw: st.DrawFn, theme: str = "any") -> list[dict[str, Any]]:
    """A few limits of all kinds."""
    made = []
    counts = {"limits": [1, 2], "credit": [0], "provider": [0]}.get(theme, [0, 0, 0, 1, 1, 2])
    for number in range(draw(st.sampled_from(counts))):
        unit = draw(st.sampled_from(["requests", "requests", "tokens", "input_tokens",
                                     "output_tokens", "concurrent"]))  # fmt: skip
        limit: dict[str, Any] = {
            "name": f"limit-{number}",
            "each": draw(st.sampled_from(["key", "application", "model", "customer"])),
            "unit": unit,
            "max": draw(
                st.sampled_from(
                    [1, 3, 60]
                    if unit in ("requests", "concurrent")
                    else [50, 1_000, 6_000, 200_000]
                )
            ),
        }
        if unit != "concurrent":
            limit["per"] = draw(st.sampled_from(["second", "minute", "minute", "hour", "day"]))
            if limit["per"] in ("second", "minute") and draw(st.booleans()):
                limit["burst"] = draw(st.sampled_from([0, 1, 500]))
        made.append(limit)
    return made


@st.composite
def budgets(draw: st.DrawFn, theme: str = "any") -> list[dict[str, Any]]:
    """A few budgets."""
    made = []
    for number in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2] if theme != "provider" else [0]))):
        each = draw(st.sampled_from(["key", "application", "team", "customer", "run"]))
        budget: dict[str, Any] = {
            "name": f"budget-{number}",
            "each": each,
            "amount": format_amount(draw(_amounts())),
        }
        window = draw(st.sampled_from([None, "hour", "day", "month"]))
        if window is not None:
            budget |= {"window": window, "rolling": draw(st.booleans())}
        if each in ("customer", "run"):
            budget["required"] = draw(st.integers(0, 2)) == 0
        made.append(budget)
    return made


@st.composite
def plans(draw: st.DrawFn, theme: str = "any") -> dict[str, Any]:
    """A plan with its volumes."""
    plan: dict[str, Any] = {
        "name": "plan",
        "fit": draw(st.sampled_from(["refuse", "refuse", "lower"])),
        "markup": draw(st.sampled_from(["1", "1.2"])),
    }
    if draw(st.integers(0, 3)) == 0:
        plan["default_output_tokens"] = 300
    quotas = []
    for number in range(draw(st.sampled_from([0, 0, 1, 1, 2] if theme != "limits" else [1, 2]))):
        quota: dict[str, Any] = {
            "name": f"quota-{number}",
            "each": draw(st.sampled_from(["key", "application"])),
            "unit": draw(st.sampled_from(["requests", "tokens", "output_tokens"])),
            "max": draw(st.sampled_from([1, 20, 3_000, 10**7])),
            "period": draw(st.sampled_from(["day", "month"])),
        }
        if draw(st.integers(0, 3)) == 0 and not any(each.get("included") for each in quotas):
            quota |= {"included": True, "overage_multiplier": "1.5"}
        elif draw(st.integers(0, 3)) == 0:
            quota["upgrade_url"] = "https://buy.example/more"
        quotas.append(quota)
    return plan | {"quotas": quotas}


@st.composite
def headers(draw: st.DrawFn) -> dict[str, str]:
    """What the caller says beside its key."""
    names = {"faregate-customer": "customer-9", "faregate-run": "run-1"}
    made = {name: value for name, value in names.items() if draw(st.integers(0, 3)) == 0}
    more: dict[str, str] = (
        draw(st.sampled_from(MORE_HEADERS)) if draw(st.integers(0, 9)) == 0 else {}
    )
    return made | more


@st.composite
def payers(draw: st.DrawFn, theme: str = "any") -> tuple[dict[str, Any], dict[str, Any]]:
    """The application and its team, of which one has the wallet, or none."""
    application: dict[str, Any] = {"name": "app", "team": "team"}
    team: dict[str, Any] = {"name": "team"}
    who = ["application", "application", "team", "nobody"]
    paying = draw(st.sampled_from({"credit": who[:3], "provider": who[2:]}.get(theme, who)))
    if paying == "application":
        application["wallet"] = "purse"
    elif paying == "team":
        team["wallet"] = "purse"
    return application, team


@st.composite
def situations(draw: st.DrawFn, theme: str = "any") -> Situation:
    """A whole situation; odd requests are a small part, but for the theme "caller"."""
    path = draw(st.sampled_from(["/v1/chat/completions"] * 6 + ["/v1/completions",
                                "/v1/embeddings", "/v1/embeddings", "/v1/messages"]))  # fmt: skip
    body = draw(bodies(path, theme))
    text, method = None, "POST"
    odd = draw(st.sampled_from(["text", "path"] + ["no"] * (4 if theme == "caller" else 39)))
    if odd == "text":
        text = draw(st.sampled_from(ODD_TEXTS))
    elif odd == "path":
        path = draw(st.sampled_from(ODD_PATHS))
        method = draw(st.sampled_from(["GET", "POST", "PUT"]))
        text = ""
    application, team = draw(payers(theme))
    commerce: dict[str, Any] = {
        "models": MODELS,
        "virtual_models": VIRTUAL,
        "prices": PRICES,
        "wallets": [{"name": "purse"}],
        "teams": [team],
        "applications": [application],
        "limits": draw(limits(theme)),
        "budgets": draw(budgets(theme)),
    }
    if draw(st.booleans()):
        application["plan"] = "plan"
        commerce["plans"] = [draw(plans(theme))]
    unknown = draw(st.sampled_from(["refuse", "refuse", "free", "fallback"]))
    credit: dict[str, Any] = {"unknown_price": unknown, "wait_s": 0}
    if unknown == "fallback":
        credit["fallback_price"] = "5"
    parts = [0.0, 0.0, 0.3, 0.9, 1.0, 1.0]
    shares = st.sampled_from(parts)
    # Who isn't identified is told nothing, not even that an address is wrong.
    key = draw(st.sampled_from(KEYS.get(theme, KEYS["any"]))) if odd != "path" else "ok"
    return Situation(
        key=key,
        path=path,
        body=body,
        text=text,
        method=method,
        headers=draw(headers()),
        commerce=commerce,
        settings={"credit": credit, "refusals": {"decisions_share": 0}},
        granted=draw(_amounts()),
        drawn_share=draw(shares if theme != "credit" else st.sampled_from(parts[2:])),
        settled_share=draw(shares if theme != "credit" else st.sampled_from(parts[:3])),
        posted_share=draw(shares),
        limits_taken_share=draw(shares),
        in_flight=draw(st.sampled_from([0, 0, 0, 1, 2] if theme != "limits" else [0, 1, 2])),
        as_operator=draw(st.booleans()),
        is_sick=draw(st.booleans()),
    )
