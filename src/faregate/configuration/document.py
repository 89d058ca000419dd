"""The document that configures Faregate.

Providers, models, keys and settings: the same shape is written in faregate.yaml, kept in every
revision and taken by the gate. Rules over several parts of it are in `configuration.rules`.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faregate.configuration.callers import Callers
from faregate.configuration.commerce import (
    Application,
    Budget,
    Limit,
    Plan,
    Price,
    Team,
    Wallet,
)
from faregate.configuration.names import ModelName, Name, OwnedName
from faregate.configuration.pins import Pin
from faregate.configuration.settings import PositiveCount, Seconds, Section, Settings
from faregate.configuration.single_sign_on import SingleSignOn


class ProviderTimeouts(Section, frozen=True, kw_only=True):
    """How long a provider may take, in seconds."""

    # To accept a connection, TLS included.
    connect_s: Seconds = 5.0
    # To wait for a free connection when all are in use.
    queue_s: Seconds = 10.0
    # From the request to the first byte of the reply.
    first_byte_s: Seconds = 300.0
    # Between two bytes of the reply.
    between_bytes_s: Seconds = 120.0
    # For the whole call.
    total_s: Seconds = 900.0
    # Of a realtime session in which neither side says anything.
    session_idle_s: Seconds = 600.0
    # For a whole realtime session; OpenAI ends one after an hour.
    session_total_s: Seconds = 3_660.0


class ProviderTls(Section, frozen=True, kw_only=True):
    """TLS towards a provider; the certificate is always verified."""

    # PEM file of authorities to trust instead of the system's.
    ca_file: str | None = None
    # PEM file with the certificate that Faregate shows.
    certificate_file: str | None = None
    # PEM file with that certificate's private key.
    key_file: str | None = None


class ProviderKey(Section, frozen=True, kw_only=True):
    """One of several keys of a provider."""

    # Name within the provider.
    name: Name
    # The key: ${env:NAME}, or ${sealed:...} as an export writes it.
    secret: str
    # Share of the calls, beside the other keys' weights.
    weight: PositiveCount = 1


class ProviderLimits(Section, frozen=True, kw_only=True):
    """What one worker sends to a provider at most; more goes elsewhere."""

    # Calls in any minute; none: no limit.
    requests_per_minute: PositiveCount | None = None
    # Tokens in any minute; none: no limit.
    tokens_per_minute: PositiveCount | None = None
    # Calls at once; none: no limit.
    concurrent: PositiveCount | None = None


class ProviderBudget(Section, frozen=True, kw_only=True):
    """What may be spent at a provider in a window of the calendar, in UTC."""

    # Dollars of what calls cost there, without any markup.
    amount: Decimal
    # Window after which it begins anew; a provider has at most one budget for each.
    window: Literal["hour", "day", "week", "month", "year"]
    # Percentages of it whose crossing is an event; that it is used up is one always.
    alert_at: tuple[Annotated[int, Meta(ge=1, le=100)], ...] = (50, 80, 100)


class Provider(Section, frozen=True, kw_only=True):
    """A contract with a vendor: an address and one or several keys."""

    # Name in this installation; a team's account is called as sales/openai.
    name: OwnedName
    # Team that owns it, whose calls alone it serves; none: the organisation.
    team: Name | None = None
    # Teams that an account of the organisation is shared with; none: all. The organisation's own
    # calls may always use it.
    shared_with: tuple[Name, ...] | None = None
    # Whose API it is; decides its address, its dialects and how refusals are read.
    vendor: Name = "openai_compatible"
    # Address of the API, up to and including its version: https://api.openai.com/v1; none: the
    # vendor's own.
    base_url: str | None = None
    # What the vendor's address and requests need beside a key, such as region or project; see
    # the reference of vendors.
    options: dict[str, str] = msgspec.field(default_factory=dict)
    # The provider's key: ${env:NAME}, or ${sealed:...} as an export writes it; none: no key is
    # sent.
    api_key: str | None = None
    # Several keys instead of the one: a key in trouble is left alone, and the others serve.
    keys: tuple[ProviderKey, ...] = ()
    # What is sent there at most.
    limits: ProviderLimits = ProviderLimits()
    # What may be spent there, over all workers and nodes; beyond it calls go elsewhere until the
    # window ends. Calls in flight, and those of a second or two, may pass it.
    budgets: tuple[ProviderBudget, ...] = ()
    # Dialects that it speaks, by operation, the preferred first, as generate: [openai_chat];
    # none: as the vendor's row says.
    dialects: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    # Words of yours, which are shown with its state.
    tags: tuple[Name, ...] = ()
    # Amounts of dollars left there that make an event when they are reached, as [50, 10].
    balance_alert_at: tuple[Decimal, ...] = ()
    # More headers to send with every call, such as an organisation or an API version; secret
    # ones as ${env:NAME}.
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    # How long it may take.
    timeouts: ProviderTimeouts = ProviderTimeouts()
    # Connections of one worker to this provider.
    connections_max: PositiveCount = 1_000
    # Calls of one worker that wait for a connection; one more is refused.
    queue_max: Annotated[int, Meta(ge=0)] = 1_000
    # Certificates.
    tls: ProviderTls = ProviderTls()
    # The proxy to reach it by: an address, "environment" (HTTPS_PROXY, HTTP_PROXY, NO_PROXY),
    # or "none".
    proxy: str = "environment"
    # Whether a stream's usage is asked for when the caller didn't ask (stream_options); switch
    # it off for a vendor that refuses the field.
    ask_stream_usage: bool = True


class Model(Section, frozen=True, kw_only=True):
    """A name that callers ask for, and what serves it."""

    # Name that callers use; a team's model is called as sales/summaries.
    name: ModelName
    # Team that owns it, and alone may call it; none: the organisation.
    team: Name | None = None
    # More names for the same.
    aliases: tuple[ModelName, ...] = ()
    # Provider that serves it.
    provider: OwnedName
    # Name that the provider knows it by; none: the same.
    upstream_model: str | None = None
    # Most tokens that it puts out in one answer; none: as the catalogue says.
    output_tokens_max: PositiveCount | None = None
    # Whether it thinks in tokens that it doesn't show: its streams then get a limit beforehand,
    # for they can't be counted on the way; none: as the catalogue says, else no.
    hidden_reasoning: bool | None = None
    # Most tokens that one image in a request counts as.
    image_tokens_max: PositiveCount = 3_000
    # Its tokenizer, for exact counts where credit is tight; none: as the catalogue says, else a
    # bound by bytes.
    tokenizer: Literal["cl100k_base", "o200k_base"] | None = None


class Target(Section, frozen=True, kw_only=True):
    """A model that may serve a virtual model."""

    # Model of this file.
    model: ModelName
    # Share of the calls, for weighted and sticky; for other strategies, of those who are equal.
    weight: PositiveCount = 1
    # An expression in CEL over facts of the request: the target serves only calls for which it
    # is true; none: all.
    when: str | None = None


class Canary(Section, frozen=True, kw_only=True):
    """A model that gets a share of the calls, to try it."""

    # Model of this file.
    model: ModelName
    # Share in percent.
    percent: Annotated[float, Meta(gt=0, le=100)]


class Shadow(Section, frozen=True, kw_only=True):
    """A model that gets copies of calls; nobody sees or pays its replies."""

    # Model of this file.
    model: ModelName
    # Share of the calls that are copied, in percent.
    percent: Annotated[float, Meta(gt=0, le=100)] = 100.0


class Fallbacks(Section, frozen=True, kw_only=True):
    """What serves when no target could, in order; models of this file."""

    # After failures: targets that are down, unpaid, overloaded.
    failure: tuple[ModelName, ...] = ()
    # For requests too long for the target: none: as a mistake of the caller's.
    context: tuple[ModelName, ...] = ()
    # For requests that the target's content rules refuse; none: the refusal is the answer.
    content: tuple[ModelName, ...] = ()


class VirtualModel(Section, frozen=True, kw_only=True):
    """A name of your own over several models."""

    # Name that callers use; a team's is called as sales/summaries.
    name: ModelName
    # Team that owns it, and alone may call it; none: the organisation.
    team: Name | None = None
    # More names for the same.
    aliases: tuple[ModelName, ...] = ()
    # Who is asked first: the first in the list, by weight, the quickest to its first token, the
    # least busy, the cheapest, or the same for all calls of a conversation.
    strategy: Literal[
        "priority", "weighted", "least_latency", "least_busy", "least_cost", "sticky"
    ] = "priority"
    # Models that serve it.
    targets: tuple[Target, ...]
    # A model that gets a share of the calls instead.
    canary: Canary | None = None
    # A model that gets copies.
    shadow: Shadow | None = None
    # What serves when none of the targets could.
    fallbacks: Fallbacks = Fallbacks()
    # Times that a call waits and tries again what failed in it; none: as the settings say.
    retries_max: Annotated[int, Meta(ge=0, le=5)] | None = None
    # Seconds for a call in all, attempts included; none: as the provider's timeouts say.
    total_s: Seconds | None = None
    # What becomes of parts of a request that the target can't take: the call is refused, or they
    # are left out and named in a header.
    unsupported: Literal["refuse", "drop"] = "refuse"


class Key(Section, frozen=True, kw_only=True):
    """A caller's key, of which only hash and first characters are kept."""

    # Name in this installation; a team's is called as sales/shop-production.
    name: OwnedName
    # The key: ${env:NAME}; or its hash: sha256:<64 hex digits>, as an export writes it.
    secret: str
    # First characters, for display; an export writes them.
    prefix: str | None = None
    # Models that it may use; none: all.
    models: tuple[ModelName, ...] | None = None
    # When it stops working; none: never.
    expires_at: dt.datetime | None = None
    # Whether it was revoked.
    revoked: bool = False
    # Application that it belongs to; none: its calls are paid by no wallet and bound by no plan.
    application: OwnedName | None = None


class Document(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    # Version of this format.
    version: Literal[1] = 1
    settings: Settings = Settings()
    providers: tuple[Provider, ...] = ()
    models: tuple[Model, ...] = ()
    # Names over several models.
    virtual_models: tuple[VirtualModel, ...] = ()
    # Callers' keys; keys that were made by command are managed by command.
    keys: tuple[Key, ...] = ()
    teams: tuple[Team, ...] = ()
    applications: tuple[Application, ...] = ()
    wallets: tuple[Wallet, ...] = ()
    # What models cost; a model without a price costs what the catalogue says.
    prices: tuple[Price, ...] = ()
    plans: tuple[Plan, ...] = ()
    limits: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    callers: Callers = Callers()
    # Identity providers that people log in with.
    identity_providers: tuple[SingleSignOn, ...] = ()
    # What the catalogue said of models when this was applied: Faregate writes it, and keeps it
    # until a file without it is applied.
    catalogue: tuple[Pin, ...] = ()


def called_models(document: Document) -> list[Model | VirtualModel]:
    """All that callers may name."""
    return [*document.models, *document.virtual_models]
