"""The commercial part: who pays, what things cost, and what is capped.

Teams own applications, applications own keys; wallets pay; prices, plans, limits and budgets say
how much. Names refer to each other by name; `configuration.rules` checks that they exist.
"""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faregate.configuration.names import ModelName, Name, OwnedName
from faregate.configuration.settings import PositiveCount, Section

_Time = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z", description="a time as 22:00")]


class TeamSettings(Section, frozen=True, kw_only=True):
    """What a team has otherwise than the organisation."""

    # Models of the organisation that its calls may use, by name; none: all that are shared with
    # it. Its own are always there.
    models: tuple[ModelName, ...] | None = None
    # Page where its callers can top up, which refusals name; none: as settings.credit says.
    top_up_url: str | None = None
    # What becomes of parts of a request that a model can't take, where it is called by its own
    # name; none: as settings.routing says.
    unsupported: Literal["refuse", "drop"] | None = None
    # Fields that tell its callers what is left of their limits; none: as settings.limits says.
    limit_headers: Literal["ietf", "openai", "both", "none"] | None = None


class Team(Section, frozen=True, kw_only=True):
    """Who owns applications, and pays for them."""

    # Name in this installation.
    name: Name
    # Wallet that pays for its applications, its own or the organisation's; none: nobody pays.
    wallet: OwnedName | None = None
    # What it has otherwise than the organisation.
    settings: TeamSettings = TeamSettings()


class Application(Section, frozen=True, kw_only=True):
    """What keys belong to."""

    # Name in this installation; a team's is called as sales/shop.
    name: OwnedName
    # Team that owns it.
    team: Name | None = None
    # Wallet that pays for its calls; none: its team's.
    wallet: OwnedName | None = None
    # Plan that it is on; none: prices as they are, and only the limits that name it.
    plan: Name | None = None


class Grant(Section, frozen=True, kw_only=True):
    """Credit that a wallet is given once."""

    # Name of this grant within its wallet; it is given once, however often the file is applied.
    name: Name
    # Dollars.
    amount: Decimal
    # Paid for, or a present; presents are spent first.
    kind: Literal["paid", "promotional"] = "paid"
    # When what is left of it is taken back; none: never.
    expires_at: dt.datetime | None = None


class Wallet(Section, frozen=True, kw_only=True):
    """Prepaid credit, which is never below zero."""

    # Name in this installation; a team's is called as sales/main.
    name: OwnedName
    # Team that owns it, and whose applications alone it pays for; none: the organisation.
    team: Name | None = None
    # Credit to give.
    grants: tuple[Grant, ...] = ()


class Rates(Section, frozen=True, kw_only=True):
    """Dollars for a million tokens; none: as the next more general kind says."""

    # Input.
    input: Decimal | None = None
    # Input that the provider had in its cache; none: input.
    cached_input: Decimal | None = None
    # Input that is written to the provider's cache; none: input.
    cache_write: Decimal | None = None
    # The same, to be kept for an hour; none: cache_write.
    cache_write_1h: Decimal | None = None
    # Audio in the input; none: input.
    audio_input: Decimal | None = None
    # Images in the input; none: input.
    image_input: Decimal | None = None
    # Video in the input; none: input.
    video_input: Decimal | None = None
    # Output.
    output: Decimal | None = None
    # Reasoning that is part of the output; none: output.
    reasoning: Decimal | None = None
    # Audio in the output; none: output.
    audio_output: Decimal | None = None
    # Images in the output; none: output.
    image_output: Decimal | None = None


class Tier(Rates, frozen=True, kw_only=True):
    """Rates of calls whose input is long; what is not said is as below."""

    # Input tokens above which the whole call is at these rates.
    above_input_tokens: PositiveCount


class TimeWindow(Rates, frozen=True, kw_only=True):
    """Hours of the week; they have a multiplier, or rates of their own."""

    # First minute of the day, as 22:00.
    start: _Time
    # Minute of the day that it ends before; may be of the next day, as 06:00.
    end: _Time
    # Days on which it begins; none: every day.
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    # Time zone, as Europe/Zurich.
    time_zone: str = "UTC"
    # What prices are multiplied by in these hours; none: they have rates, for input and output.
    multiplier: Decimal | None = None


class ServiceTier(Rates, frozen=True, kw_only=True):
    """Prices of calls that the vendor serves at another tier.

    Such as flex or batch.
    """

    # The vendor's word for it in its replies; batch for calls in batches.
    name: Annotated[str, Meta(min_length=1, max_length=50)]
    # What the price is multiplied by where no rate is said here; of what is billed beside
    # tokens: images, audio, characters and search units, not requests, searches and tool calls.
    multiplier: Decimal = Decimal(1)
    # Rates of long inputs at this tier; none: the price's, multiplied.
    tiers: tuple[Tier, ...] = ()


class Price(Rates, frozen=True, kw_only=True):
    """What a model costs, from a moment on."""

    # Model of this file.
    model: ModelName
    # Dollars for each call, beside its tokens.
    request: Decimal = Decimal(0)
    # Dollars for each image made.
    image: Decimal = Decimal(0)
    # The same by quality and size, as hd/1024x1792, or by the one that is known, as 1024x1024;
    # an image of another variant costs as image, or as the dearest.
    images: dict[str, Decimal] = msgspec.field(default_factory=dict)
    # Dollars for an hour of audio that is listened to.
    audio_hour: Decimal = Decimal(0)
    # Dollars for a million characters that are spoken.
    characters: Decimal = Decimal(0)
    # Dollars for a search unit of a rerank: mostly one query with up to 100 documents.
    search_unit: Decimal = Decimal(0)
    # Dollars for each search of the web that the model makes at the vendor.
    web_search: Decimal = Decimal(0)
    # Dollars for each call of another tool that the vendor runs and bills, such as a file search.
    tool_call: Decimal = Decimal(0)
    # When it begins to apply; none: always did. The newest that has begun applies.
    from_time: dt.datetime | None = None
    # Rates of long inputs, the shortest first.
    tiers: tuple[Tier, ...] = ()
    # Prices at the vendor's other service tiers.
    service_tiers: tuple[ServiceTier, ...] = ()
    # Hours with other prices; the first that applies counts.
    hours: tuple[TimeWindow, ...] = ()


LimitUnit = Literal["requests", "input_tokens", "output_tokens", "tokens", "concurrent"]
VolumeUnit = Literal["requests", "input_tokens", "output_tokens", "tokens"]
Subject = Literal["key", "application", "team", "customer", "model", "route", "provider"]


class Selection(Section, frozen=True, kw_only=True):
    """Calls that something applies to: those that fit all that is said."""

    # Keys, by name; none: of all keys.
    keys: tuple[OwnedName, ...] = ()
    # Applications; none: of all.
    applications: tuple[OwnedName, ...] = ()
    # Teams; none: of all.
    teams: tuple[Name, ...] = ()
    # Plans; none: of all.
    plans: tuple[Name, ...] = ()
    # Models, by name; none: all.
    models: tuple[ModelName, ...] = ()
    # Providers; none: all.
    providers: tuple[OwnedName, ...] = ()
    # Paths, as /v1/embeddings; none: all.
    routes: tuple[str, ...] = ()


class Limit(Selection, frozen=True, kw_only=True):
    """A cap on a rate, or on calls at once."""

    # Name in this installation; a team's is called as sales/hourly.
    name: OwnedName
    # Team that owns it, and whose calls alone it binds; none: the organisation.
    team: Name | None = None
    # Who or what has a count of its own.
    each: Subject
    # What is counted.
    unit: LimitUnit = "requests"
    # Most of it.
    max: PositiveCount
    # In which time; not for concurrent.
    per: Literal["second", "minute", "hour", "day", "month"] | None = None
    # With it, a steady rate (GCRA) that lets so many more come at once; only with second or
    # minute. Without it, a sliding window: never more than max in any such time.
    burst: Annotated[int, Meta(ge=0)] | None = None


class Budget(Selection, frozen=True, kw_only=True):
    """A cap on spend."""

    # Name in this installation; a team's is called as sales/monthly.
    name: OwnedName
    # Team that owns it, and whose calls alone it binds; none: the organisation.
    team: Name | None = None
    # Who has a budget of this size of its own.
    each: Literal["key", "application", "team", "customer", "run"]
    # Dollars.
    amount: Decimal
    # Time after which it begins anew; none: never.
    window: Literal["hour", "day", "week", "month", "year"] | None = None
    # Whether the window slides (the last 24 hours) rather than following the calendar (today).
    rolling: bool = False
    # Time zone of the calendar, as Europe/Zurich.
    time_zone: str = "UTC"
    # Percentages of it whose crossing is an event.
    alert_at: tuple[Annotated[int, Meta(ge=1, le=100)], ...] = (50, 80, 100)
    # Whether a call that names no customer or run is refused where the budget is for each of
    # those; else such a call is not bound by it.
    required: bool = False


class Quota(Section, frozen=True, kw_only=True):
    """A cap on volume in a period of the calendar."""

    # Name within its plan.
    name: Name
    # Who has a volume of its own.
    each: Literal["key", "application", "team", "customer"] = "application"
    # What is counted.
    unit: VolumeUnit = "requests"
    # Most of it in a period.
    max: PositiveCount
    # The period.
    period: Literal["day", "week", "month", "year"] = "month"
    # Time zone of the calendar.
    time_zone: str = "UTC"
    # Most of what was left of a period that is added to the next.
    carry_over_max: Annotated[int, Meta(ge=0)] = 0
    # Whether calls within it are free and calls beyond it cost; else calls beyond it are refused.
    included: bool = False
    # What prices beyond an included volume are multiplied by.
    overage_multiplier: Decimal = Decimal(1)
    # Page where more can be bought now; refusals are then 402 instead of 429.
    upgrade_url: str | None = None


class Plan(Section, frozen=True, kw_only=True):
    """What is sold: prices, volumes and manners for the applications on it."""

    # Name in this installation.
    name: Name
    # What prices are multiplied by for the caller.
    markup: Decimal = Decimal(1)
    # Own prices, instead of the model's marked up.
    prices: tuple[Price, ...] = ()
    # Volumes.
    quotas: tuple[Quota, ...] = ()
    # Limits of those on it; their plans are this one.
    limits: tuple[Limit, ...] = ()
    # A call that may cost more than there is: refuse it, or lower its output limit and say so.
    fit: Literal["refuse", "lower"] = "refuse"
    # Output limit of calls that give none; none: by what is free.
    default_output_tokens: PositiveCount | None = None
