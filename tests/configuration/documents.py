"""Documents that are whole and honest, for property tests."""

import datetime as dt
from decimal import Decimal

from hypothesis import assume
from hypothesis import strategies as st
from tests.configuration import caller_documents
from tests.configuration.caller_documents import with_callers
from tests.configuration.commerce_documents import with_commerce

from faregate.configuration.document import (
    Document,
    Fallbacks,
    Key,
    Model,
    Provider,
    ProviderBudget,
    ProviderKey,
    ProviderLimits,
    ProviderTimeouts,
    ProviderTls,
    Shadow,
    Target,
    VirtualModel,
)
from faregate.configuration.settings import (
    CallSettings,
    CreditSettings,
    GateSettings,
    JournalSettings,
    LedgerSettings,
    LimitSettings,
    OperationsSettings,
    RefusalSettings,
    RoutingSettings,
    Settings,
    TlsSettings,
)

ENVIRONMENT = {
    "A_KEY": "sk-hidden-a",
    "B_KEY": "sk-hidden-b",
    "C_KEY": "sk-hidden-e",
    "D_KEY": "sk-hidden-f",
    "REGION": "eu-west-1",
    "URL": "https://c.example/v1",
    "LEDGER": "postgresql://faregate:sk-hidden-c@db.example/faregate",
    "PASSWORD": "sk-hidden-d",
} | caller_documents.ENVIRONMENT

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
model_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,8}", fullmatch=True)
seconds = st.floats(0.001, 86_400)
texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Cn"), blacklist_characters="$@\ufeff"),
    min_size=1,
    max_size=12,
)
header_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, blacklist_characters="$"), max_size=12
)
header_names = st.sampled_from(["x-one", "X-Two", "OpenAI-Organization", "accept"])
files = texts.map(lambda text: f"pem/{text}")
moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=dt.UTC)
)

settings = st.builds(
    Settings,
    gate=st.builds(
        GateSettings,
        port=st.integers(1, 9_999),
        workers=st.integers(1, 64),
        tls=st.none()
        | st.builds(TlsSettings, certificate_file=files, key_file=files, client_ca_file=files),
        trusted_proxies=st.sampled_from([(), ("10.0.0.0/8",), ("fd00::/8", "127.0.0.1")]),
        drain_timeout_s=seconds,
    ),
    operations=st.builds(OperationsSettings, port=st.integers(10_000, 65_535)),
    journal=st.builds(JournalSettings, sync=st.sampled_from(["call", "interval", "kernel"])),
    calls=st.builds(CallSettings, keep_days=st.integers(1, 3_650)),
    ledger=st.builds(
        LedgerSettings, url=st.sampled_from([None, "${env:LEDGER}", "postgresql://db/faregate"])
    ),
    credit=st.builds(
        CreditSettings,
        unknown_price=st.just("fallback"),
        fallback_price=st.decimals("0.000000001", 10**6, places=9),
    )
    | st.builds(CreditSettings, unknown_price=st.just("free"), wait_s=st.floats(0, 60)),
    limits=st.builds(
        LimitSettings,
        redis_url=st.sampled_from([None, "redis://:${env:PASSWORD}@cache:6379/0", "unix:///s"]),
        workers_total=st.none() | st.integers(64, 10_000),
    ),
    routing=st.sampled_from(
        [RoutingSettings(), RoutingSettings(retries_max=0, retry_share=2.5, attempts_header="all")]
    ),
    refusals=st.builds(
        RefusalSettings,
        statuses=st.sampled_from([{}, {"credit_exhausted": 429, "upstream_timeout": 503}]),
        decisions_share=st.floats(0, 1),
    ),
)

KEYS = (
    ProviderKey(name="one", secret="${env:C_KEY}", weight=3),
    ProviderKey(name="two", secret="${env:D_KEY}"),
)


def _provider(name: str) -> st.SearchStrategy[Provider]:
    return st.builds(
        Provider,
        name=st.just(name),
        vendor=names,
        base_url=st.sampled_from(["https://a.example/v1", "http://127.0.0.1:9", "${env:URL}"]),
        api_key=st.sampled_from([None, "${env:A_KEY}", "${env:B_KEY}"]),
        keys=st.sampled_from([(), KEYS]),
        limits=st.sampled_from([ProviderLimits(), ProviderLimits(requests_per_minute=60)]),
        dialects=st.sampled_from([{}, {"generate": ("anthropic", "openai_chat")}]),
        tags=st.sampled_from([(), ("cheap", "eu")]),
        budgets=st.sampled_from([(), (ProviderBudget(amount=Decimal("12.5"), window="month"),)]),
        headers=st.dictionaries(header_names, header_values, max_size=2),
        timeouts=st.builds(ProviderTimeouts, connect_s=seconds, total_s=seconds),
        connections_max=st.integers(1, 2**40),
        tls=st.builds(ProviderTls, ca_file=st.none() | files),
        proxy=st.sampled_from(["environment", "none", "http://proxy.example:3128"]),
        ask_stream_usage=st.booleans(),
    )


AZURE = Provider(
    name="azure",
    vendor="azure_openai",
    options={"resource": "ours", "api_version": "preview"},
    keys=(ProviderKey(name="only", secret="${env:C_KEY}"),),
)
BEDROCK = Provider(
    name="bedrock",
    vendor="bedrock",
    options={"region": "${env:REGION}"},
    api_key="${env:A_KEY}:${env:B_KEY}",
)


def _virtual(name: str, alias: str | None, models: list[str]) -> st.SearchStrategy[VirtualModel]:
    targets = tuple(
        Target(model=model, weight=at + 1, when="stream" if at else None)
        for at, model in enumerate(models)
    )
    one = VirtualModel(name=name, strategy="sticky", targets=targets)
    return st.sampled_from(
        [
            one,
            VirtualModel(
                name=name,
                aliases=(alias,) if alias else (),
                strategy="least_cost",
                targets=targets[:1],
                shadow=Shadow(model=models[0], percent=0.5),
                fallbacks=Fallbacks(context=(models[-1],), content=(models[0],)),
                retries_max=0,
                total_s=12.5,
                unsupported="drop",
            ),
        ]
    )


def _model(name: str, alias: str | None, providers: list[str]) -> st.SearchStrategy[Model]:
    return st.builds(
        Model,
        name=st.just(name),
        aliases=st.just((alias,) if alias else ()),
        provider=st.sampled_from(providers),
        upstream_model=st.none() | texts,
    )


def _key(name: str, number: int, models: list[str]) -> st.SearchStrategy[Key]:
    return st.builds(
        Key,
        name=st.just(name),
        secret=st.just(f"sha256:{number:064x}"),
        prefix=st.none() | st.just(f"fg_{number:06x}"),
        models=st.none() | st.lists(st.sampled_from(models), max_size=2).map(tuple)
        if models
        else st.none() | st.just(()),
        expires_at=st.none() | moments,
        revoked=st.booleans(),
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document that passes every rule with `ENVIRONMENT`."""
    provider_names = draw(st.lists(names, unique=True, max_size=3))
    some = draw(st.lists(model_names, unique=True, max_size=6)) if provider_names else []
    pairs = list(zip(some[::2], some[1::2], strict=False))
    virtual, virtual_alias = pairs.pop() if len(pairs) > 1 else (None, None)
    models = [name for name, _ in pairs]
    key_names = draw(st.lists(names, unique=True, max_size=3))
    document = Document(
        settings=draw(settings),
        providers=(
            *(draw(_provider(name)) for name in provider_names),
            *(one for one in (AZURE, BEDROCK) if one.name not in provider_names),
        ),
        models=tuple(draw(_model(name, alias, provider_names)) for name, alias in pairs),
        virtual_models=(draw(_virtual(virtual, virtual_alias, models)),) if virtual else (),
        keys=tuple(
            draw(_key(name, number, [n for pair in pairs for n in pair]))
            for number, name in enumerate(key_names)
        ),
    )
    if not draw(st.booleans()):
        return document
    whole = with_callers(draw, with_commerce(draw, document))
    teams = {team.name for team in whole.teams}
    assume(not any(name.partition("/")[0] in teams for name in some if "/" in name))
    return whole
