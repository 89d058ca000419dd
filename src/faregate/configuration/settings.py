"""Settings: what an operator may move, with unit, default, bounds.

The comments of the fields are the source of docs/reference/settings.md. Fields marked
"restart" are read once at start; all others take effect with the next revision.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faregate.core import bounds

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Port = Annotated[int, Meta(ge=0, le=65_535)]
PositiveCount = Annotated[int, Meta(ge=1)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the document; a field that it doesn't know is an error."""


class TlsSettings(Section, frozen=True, kw_only=True):
    """Certificates of the gate's address; read again when they change."""

    # PEM file with the certificate and its chain.
    certificate_file: str
    # PEM file with the private key.
    key_file: str
    # PEM file with the authorities whose client certificates are verified; none: not asked for.
    # Clients then need TLS 1.3.
    client_ca_file: str | None = None
    # Whether clients must show a certificate of these authorities, or may (restart).
    client_certificates: Literal["required", "optional"] = "required"


class GateSettings(Section, frozen=True, kw_only=True):
    """The address that callers use, and what they may send there."""

    # Address to listen on (restart).
    host: str = "127.0.0.1"
    # Port to listen on; FAREGATE_PORT overrides it (restart).
    port: Port = 8402
    # Gate processes that share the port (restart).
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    # TLS on the gate's address; none: plain HTTP (restart).
    tls: TlsSettings | None = None
    # Networks of the proxies in front whose X-Forwarded-For is believed, as CIDR.
    trusted_proxies: tuple[str, ...] = ()
    # Whether every connection begins with a PROXY protocol header, v1 or v2; only
    # connections from trusted_proxies may (restart).
    proxy_protocol: bool = False
    # Largest request body, after decoding, in bytes.
    body_bytes_max: Annotated[int, Meta(ge=1, le=256 * bounds.MIB)] = bounds.REQUEST_BODY_BYTES_MAX
    # Client connections a worker holds at once.
    connections_max: PositiveCount = bounds.CONNECTIONS_MAX
    # Seconds until the first byte of a new connection.
    first_byte_timeout_s: Seconds = 10.0
    # Seconds from the first byte of a request to the end of its headers.
    head_timeout_s: Seconds = 10.0
    # Seconds without a byte while a body arrives.
    body_idle_timeout_s: Seconds = 30.0
    # Seconds for a whole body to arrive.
    body_timeout_s: Seconds = 300.0
    # Seconds that a connection may wait for its next request.
    keep_alive_timeout_s: Seconds = 75.0
    # Seconds that calls in flight have to finish when the gate stops.
    drain_timeout_s: Seconds = 30.0
    # Longest time in seconds that the answer to a wrong key, token or signature waits when many
    # come from one address; 0: none waits.
    guess_wait_max_s: Annotated[float, Meta(ge=0, le=60)] = 5.0


class OperationsSettings(Section, frozen=True, kw_only=True):
    """The local address for probes and metrics: /healthz, /readyz, /metrics."""

    # Address to listen on (restart).
    host: str = "127.0.0.1"
    # Port to listen on; 0 takes a free one; FAREGATE_OPERATIONS_PORT overrides it (restart).
    port: Port = 8404


class ManagementSettings(Section, frozen=True, kw_only=True):
    """The management API, and how people log in to it."""

    # Whether it is served (restart).
    enabled: bool = True
    # Address to listen on (restart).
    host: str = "127.0.0.1"
    # Port to listen on; 0 takes a free one; FAREGATE_MANAGEMENT_PORT overrides it (restart).
    port: Port = 8403
    # Address by which people and programs reach it, as https://faregate.example.com; none: the
    # address it listens on. Links in invitations begin with it.
    public_url: str | None = None
    # Hours that a login lasts without being used.
    session_idle_h: Annotated[float, Meta(gt=0, le=8_760)] = 8.0
    # Hours that a login lasts at most.
    session_total_h: Annotated[float, Meta(gt=0, le=8_760)] = 72.0
    # Days that the audit log keeps; none: for ever.
    audit_keep_days: Annotated[int, Meta(ge=1, le=36_500)] | None = None


class JournalSettings(Section, frozen=True, kw_only=True):
    """The record that every worker keeps of its calls."""

    # When frames are forced to the disk: with every call, every 100 ms, or when the kernel
    # likes. A crash of Faregate loses nothing in any of them; a power cut may.
    sync: Literal["call", "interval", "kernel"] = "interval"
    # What happens when the disk is full: refuse calls (503), or serve them unrecorded.
    when_full: Literal["refuse", "serve"] = "refuse"
    # Whether bodies of requests and replies are kept, with secrets and personal data masked.
    bodies: Literal["off", "masked"] = "off"
    # Largest part of a body that is kept, in bytes.
    body_bytes_max: Annotated[int, Meta(ge=1, le=bounds.JOURNAL_FRAME_BYTES_MAX // 2)] = 65_536


class CallSettings(Section, frozen=True, kw_only=True):
    """The store of finished calls that `faregate calls` reads."""

    # Days that a call is kept.
    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    # Calls that are kept; the oldest leave first.
    keep_calls: PositiveCount = 1_000_000


class LedgerSettings(Section, frozen=True, kw_only=True):
    """Where credit and volumes are kept, exactly."""

    # Database of the ledger: a PostgreSQL address as ${env:NAME}; none: ledger.db in the data
    # folder (restart).
    url: str | None = None
    # Seconds after which a worker that no longer writes to the ledger counts as vanished: what
    # it had drawn goes back. Workers stop using what they drew after half of it.
    vanish_after_s: Annotated[float, Meta(ge=10, le=86_400)] = 900.0


class CreditSettings(Section, frozen=True, kw_only=True):
    """What happens where credit is concerned and something is open."""

    # A call to a model without a price, where a wallet or a budget applies: refuse it, serve it
    # free, or take the fallback price.
    unknown_price: Literal["refuse", "free", "fallback"] = "refuse"
    # Whether a model without a price costs what the catalogue says when the file is applied.
    catalogue_prices: bool = True
    # Price in dollars per million tokens of any kind, for unknown_price: fallback.
    fallback_price: Decimal | None = None
    # Seconds that a call waits for credit that other calls hold.
    wait_s: Annotated[float, Meta(ge=0, le=60)] = 5.0
    # Seconds that credit may lie unused with a worker before it goes back.
    idle_s: Annotated[float, Meta(ge=0.1, le=3_600)] = 5.0
    # Address of a page where callers can top up; refusals name it.
    top_up_url: str | None = None


class LimitSettings(Section, frozen=True, kw_only=True):
    """How rates and calls at once are counted."""

    # Redis or Valkey that several workers or nodes count in: redis://host:port/0, rediss://...
    # or unix:///path, with a password as ${env:NAME}; none: in memory, and with several workers
    # in a Valkey that Faregate starts itself (restart).
    redis_url: str | None = None
    # When that can't be reached: refuse calls that a limit applies to (503), or let every worker
    # keep its share of each limit.
    when_down: Literal["refuse", "local_share"] = "refuse"
    # Workers over all nodes that share the limits, for their shares; none: this node's.
    workers_total: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    # Fields that tell callers what is left of their limits: the IETF's RateLimit, the
    # x-ratelimit-* that OpenAI's users know, both, or none.
    headers: Literal["ietf", "openai", "both", "none"] = "ietf"


class RoutingSettings(Section, frozen=True, kw_only=True):
    """How calls go round providers that are in trouble."""

    # Times that a call waits and tries again what failed in it, where a repetition is safe; what
    # wasn't tried yet is tried before, and isn't counted.
    retries_max: Annotated[int, Meta(ge=0, le=5)] = 2
    # Attempts of a call in all, over all targets.
    attempts_max: Annotated[int, Meta(ge=1, le=50)] = 8
    # Share of a model's calls that may be tried again so, in percent: retries must not feed an
    # outage.
    retry_share: Annotated[float, Meta(ge=0, le=100)] = 20.0
    # Retries in a second that a model has beside that share, for models that are seldom called.
    retries_per_s: Annotated[float, Meta(ge=0, le=1_000)] = 3.0
    # Longest wait before the first retry, in seconds; each further one doubles it, and chance
    # shortens it.
    backoff_s: Seconds = 0.25
    # Longest wait before any retry; where a provider asks for more, the call goes elsewhere.
    backoff_max_s: Seconds = 8.0
    # Seconds between two looks at what is left of prepaid credit, at providers that tell it; 0:
    # nobody is asked.
    balance_poll_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    # Who is told of a call's attempts in the field faregate-attempts: nobody, the operator with
    # its token, or all callers.
    attempts_header: Literal["off", "operator", "all"] = "operator"
    # What becomes of parts of a request that a model can't take, where it is called by its own
    # name: the call is refused, or they are left out and named in a header.
    unsupported: Literal["refuse", "drop"] = "refuse"


class RefusalSettings(Section, frozen=True, kw_only=True):
    """How refusals are told."""

    # Other statuses for old clients, by code, such as credit_exhausted: 429; codes never change.
    statuses: dict[str, Annotated[int, Meta(ge=400, le=599)]] = msgspec.field(default_factory=dict)
    # Share of the calls that pass whose decisions are kept, from 0 to 1; refusals always are.
    decisions_share: Annotated[float, Meta(ge=0, le=1)] = 0.01


class FileSettings(Section, frozen=True, kw_only=True):
    """Callers' files: /v1/files, and what batches read and write."""

    # Largest file, in bytes; its upload is a request's body as well, so that
    # settings.gate.body_bytes_max applies too.
    bytes_max: Annotated[int, Meta(ge=1, le=256 * bounds.MIB)] = 200 * bounds.MIB
    # Bytes of all files of an application, or of a key that has none.
    total_bytes_max: PositiveCount = 2 * 1024 * bounds.MIB
    # Files of an application, or of a key that has none.
    count_max: PositiveCount = 1_000
    # Seconds that files, and batches that have ended, are kept, where the caller says nothing
    # else; a caller may say less.
    keep_s: Annotated[int, Meta(ge=3_600, le=366 * 86_400)] = 30 * 86_400


class BatchSettings(Section, frozen=True, kw_only=True):
    """Batches, which Faregate runs as calls of the keys that made them."""

    # Whether there are any: without, none can be made, and their process does not run (restart).
    enabled: bool = True
    # Calls of all batches at once (restart).
    calls_max: Annotated[int, Meta(ge=1, le=256)] = 16
    # Calls of one batch at once.
    calls_per_batch_max: Annotated[int, Meta(ge=1, le=256)] = 8
    # Batches of an application, or of a key that has none, that are open at once.
    open_max: PositiveCount = 100
    # Seconds in which a batch is completed; what is not called by then has expired. OpenAI's and
    # Anthropic's callers are told of 24 hours.
    window_s: Annotated[int, Meta(ge=1, le=86_400)] = 86_400


class WebhookSettings(Section, frozen=True, kw_only=True):
    """How events are sent to webhooks."""

    # Whether webhooks may have addresses of your own network, and http there; else they must be
    # of the internet, by https. Link-local addresses and metadata services are always refused.
    private_addresses: bool = False
    # Tries of a delivery, over about a day, before it is given up.
    attempts_max: Annotated[int, Meta(ge=1, le=20)] = 8
    # Seconds for one try, from the look-up of its name to the status of the answer.
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 15.0
    # Days of nothing but failures after which a webhook is disabled.
    disable_after_days: Annotated[float, Meta(gt=0, le=365)] = 5.0
    # Days that deliveries are kept in the log.
    keep_days: Annotated[int, Meta(ge=1, le=365)] = 30


class CatalogueSettings(Section, frozen=True, kw_only=True):
    """What is known of vendors' models."""

    # JSON file whose models come before those that Faregate knows; read when a file is applied.
    file: str | None = None


class Settings(Section, frozen=True, kw_only=True):
    """All settings of an installation."""

    gate: GateSettings = GateSettings()
    operations: OperationsSettings = OperationsSettings()
    management: ManagementSettings = ManagementSettings()
    journal: JournalSettings = JournalSettings()
    calls: CallSettings = CallSettings()
    ledger: LedgerSettings = LedgerSettings()
    credit: CreditSettings = CreditSettings()
    catalogue: CatalogueSettings = CatalogueSettings()
    limits: LimitSettings = LimitSettings()
    routing: RoutingSettings = RoutingSettings()
    refusals: RefusalSettings = RefusalSettings()
    files: FileSettings = FileSettings()
    batches: BatchSettings = BatchSettings()
    webhooks: WebhookSettings = WebhookSettings()
