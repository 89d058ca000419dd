"""A difference names every change once, by name, and shows no secret."""

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from tests.configuration.documents import documents

from faregate.configuration.commerce import (
    Budget,
    Grant,
    Limit,
    Plan,
    Price,
    Tier,
    TimeWindow,
    Wallet,
)
from faregate.configuration.difference import difference
from faregate.configuration.document import (
    Canary,
    Document,
    Key,
    Model,
    Provider,
    ProviderKey,
    Target,
    VirtualModel,
)
from faregate.configuration.settings import (
    GateSettings,
    LedgerSettings,
    LimitSettings,
    RefusalSettings,
    Settings,
    TlsSettings,
)

SEALED = "${sealed:v1:AAAA}"
A = Provider(name="a", base_url="http://a")
B = Provider(name="b", base_url="http://b", api_key=SEALED, headers={"x": "1", "X-Key": "k"})
V = VirtualModel(name="v", targets=(Target(model="m"),))


def gate(**fields: object) -> Document:
    return Document(settings=Settings(gate=msgspec.convert(fields, GateSettings)))


def both(old: Provider, new: Provider) -> tuple[Document, Document]:
    return Document(providers=(old,)), Document(providers=(new,))


TLS = TlsSettings(certificate_file="c", key_file="k")
CASES = [
    (Document(), Document(), []),
    (gate(), gate(port=1), ["~ settings.gate.port: 8402 -> 1"]),
    (gate(), gate(proxy_protocol=True), ["~ settings.gate.proxy_protocol: false -> true"]),
    (
        gate(),
        gate(trusted_proxies=["10.0.0.0/8", "::1"]),
        ["~ settings.gate.trusted_proxies: nothing -> 10.0.0.0/8, ::1"],
    ),
    (
        gate(),
        Document(settings=Settings(gate=GateSettings(tls=TLS))),
        [
            "+ settings.gate.tls.certificate_file: c",
            "+ settings.gate.tls.key_file: k",
            "+ settings.gate.tls.client_ca_file: none",
            "+ settings.gate.tls.client_certificates: required",
        ],
    ),
    (Document(settings=Settings(gate=GateSettings(tls=TLS))), gate(), ["- settings.gate.tls"]),
    (
        Document(),
        Document(providers=(B,)),
        [
            "+ providers[b]",
            "+ providers[b].base_url: http://b",
            "+ providers[b].api_key",
            "+ providers[b].headers[x]: 1",
            "+ providers[b].headers[X-Key]",
        ],
    ),
    (Document(providers=(A, B)), Document(providers=(B,)), ["- providers[a]"]),
    (Document(providers=(A, B)), Document(providers=(B, A)), ["~ providers (order): changed"]),
    (
        *both(A, msgspec.structs.replace(A, api_key="${env:KEY}")),
        ["~ providers[a].api_key: changed"],
    ),
    (
        *both(B, msgspec.structs.replace(B, headers={"X-Key": "other", "y": SEALED})),
        [
            "~ providers[b].headers[X-Key]: changed",
            "+ providers[b].headers[y]",
            "- providers[b].headers[x]",
        ],
    ),
    (
        *both(A, msgspec.structs.replace(A, keys=(ProviderKey(name="x", secret="hidden"),))),
        ["+ providers[a].keys[x]", "+ providers[a].keys[x].secret"],
    ),
    (
        *both(
            msgspec.structs.replace(A, keys=(ProviderKey(name="x", secret="${env:X}"),)),
            msgspec.structs.replace(
                A,
                keys=(ProviderKey(name="x", secret="hidden", weight=2),),
                options={"region": "eu"},
                dialects={"generate": ("anthropic", "openai_chat")},
            ),
        ),
        [
            "+ providers[a].options.region: eu",
            "~ providers[a].keys[x].secret: changed",
            "~ providers[a].keys[x].weight: 1 -> 2",
            "+ providers[a].dialects.generate: anthropic, openai_chat",
        ],
    ),
    (
        Document(virtual_models=(V,)),
        Document(
            virtual_models=(
                msgspec.structs.replace(
                    V,
                    targets=(Target(model="n"), *V.targets),
                    canary=Canary(model="c", percent=2.5),
                ),
            )
        ),
        [
            "+ virtual_models[v].targets[n]",
            "+ virtual_models[v].canary.model: c",
            "+ virtual_models[v].canary.percent: 2.5",
        ],
    ),
    (
        Document(models=(Model(name="m", provider="a"),)),
        Document(models=(Model(name="m", provider="b", aliases=("n",), upstream_model=""),)),
        [
            "~ models[m].aliases: nothing -> n",
            "~ models[m].provider: a -> b",
            "~ models[m].upstream_model: none -> ''",
        ],
    ),
    (
        Document(keys=(Key(name="k", secret="sha256:" + "1" * 64),)),
        Document(keys=(Key(name="k", secret="sha256:" + "2" * 64, revoked=True),)),
        ["~ keys[k].secret: changed", "~ keys[k].revoked: false -> true"],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), CASES)
def test_lines(old: Document, new: Document, lines: list[str]) -> None:
    if new.keys or new.providers:
        assert lines
    found = [str(change) for change in difference(old, new)]
    assert found == lines
    assert "hidden" not in "".join(found)


JANUARY = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
NIGHT = TimeWindow(start="22:00", end="06:00", multiplier=Decimal("0.50"))
GPT = Price(model="gpt", input=Decimal("0.150"), output=Decimal("6E-1"))
LATER = msgspec.structs.replace(GPT, from_time=JANUARY, output=Decimal(1))
LIMIT = Limit(name="l", each="key", max=5, per="minute")


def priced(*prices: Price) -> Document:
    return Document(prices=prices)


COMMERCE_CASES = [
    (
        Document(),
        Document(wallets=(Wallet(name="w", grants=(Grant(name="g", amount=Decimal("5.00")),)),)),
        ["+ wallets[w]", "+ wallets[w].grants[g]", "+ wallets[w].grants[g].amount: 5"],
    ),
    (
        Document(wallets=(Wallet(name="w"),)),
        Document(wallets=(Wallet(name="w", grants=(Grant(name="g", amount=Decimal(5)),)),)),
        ["+ wallets[w].grants[g]", "+ wallets[w].grants[g].amount: 5"],
    ),
    (
        priced(GPT),
        priced(GPT, LATER),
        [
            "+ prices[gpt from 2027-01-01T00:00:00Z]",
            "+ prices[gpt from 2027-01-01T00:00:00Z].input: 0.15",
            "+ prices[gpt from 2027-01-01T00:00:00Z].output: 1",
        ],
    ),
    (priced(GPT, LATER), priced(LATER), ["- prices[gpt]"]),
    (priced(GPT, LATER), priced(LATER, GPT), ["~ prices (order): changed"]),
    (
        priced(GPT),
        priced(msgspec.structs.replace(GPT, input=Decimal("0.2"), request=Decimal("1E-9"))),
        ["~ prices[gpt].input: 0.15 -> 0.2", "~ prices[gpt].request: 0 -> 0.000000001"],
    ),
    (priced(GPT), priced(msgspec.structs.replace(GPT, input=Decimal("0.15"))), []),
    (
        priced(msgspec.structs.replace(GPT, hours=(NIGHT,))),
        priced(
            msgspec.structs.replace(
                GPT,
                hours=(msgspec.structs.replace(NIGHT, days=("sat",)), NIGHT),
                tiers=(Tier(above_input_tokens=200_000, input=Decimal(2)),),
            )
        ),
        [
            "+ prices[gpt].tiers[above 200000]",
            "+ prices[gpt].tiers[above 200000].input: 2",
            "~ prices[gpt].hours[0].days: nothing -> sat",
            "+ prices[gpt].hours[1]",
            "+ prices[gpt].hours[1].start: 22:00",
            "+ prices[gpt].hours[1].end: 06:00",
            "+ prices[gpt].hours[1].multiplier: 0.5",
        ],
    ),
    (
        Document(plans=(Plan(name="p", limits=(LIMIT,)),)),
        Document(plans=(Plan(name="p", limits=(msgspec.structs.replace(LIMIT, max=6),)),)),
        ["~ plans[p].limits[l].max: 5 -> 6"],
    ),
    (
        Document(),
        Document(budgets=(Budget(name="b", each="run", amount=Decimal(1), alert_at=(50, 90)),)),
        [
            "+ budgets[b]",
            "+ budgets[b].each: run",
            "+ budgets[b].amount: 1",
            "+ budgets[b].alert_at: 50, 90",
        ],
    ),
    (
        Document(),
        Document(settings=Settings(refusals=RefusalSettings(statuses={"credit_held": 503}))),
        ["+ settings.refusals.statuses.credit_held: 503"],
    ),
    (
        Document(settings=Settings(ledger=LedgerSettings(url="postgresql://h/hidden"))),
        Document(
            settings=Settings(
                ledger=LedgerSettings(url="${env:LEDGER}"),
                limits=LimitSettings(redis_url="redis://hidden"),
            )
        ),
        ["~ settings.ledger.url: changed", "~ settings.limits.redis_url: changed"],
    ),
]


@pytest.mark.parametrize(("old", "new", "lines"), COMMERCE_CASES)
def test_lines_of_the_commercial_part(old: Document, new: Document, lines: list[str]) -> None:
    found = [str(change) for change in difference(old, new)]
    assert found == lines
    assert "hidden" not in "".join(found)


@given(documents(), documents())
def test_nothing_is_missed(old: Document, new: Document) -> None:
    assert difference(old, old) == []
    assert bool(difference(old, new)) == (old != new)
    assert "sha256" not in "".join(map(str, difference(old, new)))
