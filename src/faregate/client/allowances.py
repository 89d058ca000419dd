"""What a key may do, and what is left of it.

The gate's `GET /v1/me`, typed.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import httpx2
import msgspec

from faregate.client.refusals import Refusal
from faregate.core.errors import FaregateError

TIMEOUT_S: Final = 15.0


class RefusedError(FaregateError):
    """The gate refused; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            f"{refusal.status} {refusal.code}: {refusal.detail}",
            fix=refusal.fixes[0].text if refusal.fixes else None,
        )
        self.refusal = refusal


class KeyFacts(msgspec.Struct, frozen=True):
    """The key that asks, and to whom it belongs."""

    id: str
    name: str
    prefix: str = ""
    application: str | None = None
    team: str | None = None
    plan: str | None = None
    expires_at: dt.datetime | None = None


class ModelFacts(msgspec.Struct, frozen=True):
    """A model that the key may call.

    `prices` are dollars for a million tokens.
    """

    id: str
    prices: dict[str, Any] | None = None


class Allowance(msgspec.Struct, frozen=True):
    """A limit, a quota or a budget: `left` of `cap` can be used now.

    `unit` is "USD" for money, which is a `Decimal`, else what is counted. `held` lies with calls
    in flight. `window_s` is a limit's. `included`: calls within this quota cost nothing.
    """

    name: str
    unit: str
    cap: Decimal
    used: Decimal
    left: Decimal
    of: str = ""
    held: Decimal = Decimal(0)
    resets_at: dt.datetime | None = None
    window_s: float | None = None
    burst: int | None = None
    included: bool | None = None


class WalletFacts(msgspec.Struct, frozen=True):
    """The wallet that pays, in dollars: `left` can be spent now."""

    name: str
    left: Decimal
    held: Decimal
    balance: Decimal


class Credit(msgspec.Struct, frozen=True):
    """All that applies to a key's calls.

    `wallet` is None where none pays. While the ledger can't be read, `quotas` and `budgets` are
    None too, and `is_known` is false.
    """

    key: KeyFacts
    models: tuple[ModelFacts, ...] = ()
    limits: tuple[Allowance, ...] = ()
    quotas: tuple[Allowance, ...] | None = None
    budgets: tuple[Allowance, ...] | None = None
    wallet: WalletFacts | None = None
    ledger: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the ledger could be read."""
        return self.ledger is None

    @property
    def left(self) -> Decimal | None:
        """Dollars that a call could spend now: the least of wallet and budgets.

        None is no bound.

        Raises `FaregateError` while the ledger can't be read.
        """
        if not self.is_known:
            raise FaregateError("the ledger can't be read just now", fix="ask again in a moment")
        amounts = [one.left for one in self.budgets or () if one.unit == "USD"]
        if self.wallet is not None:
            amounts.append(self.wallet.left)
        return min(amounts, default=None)


def credit(
    url: str,
    key: str,
    *,
    customer: str | None = None,
    run: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Credit:
    """What is left for `key` at the gate `url`.

    `customer` and `run` are those whose budgets count, as calls name them. Raises `RefusedError`
    where the gate refuses, `FaregateError` where it can't be reached.
    """
    try:
        with httpx2.Client(timeout=timeout_s) as client:
            reply = client.get(_address(url), headers=_fields(key, customer, run))
    except httpx2.HTTPError as error:
        raise _unreached(url, error) from error
    return _read(url, reply)


async def credit_async(
    url: str,
    key: str,
    *,
    customer: str | None = None,
    run: str | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Credit:
    """The same, awaited."""
    try:
        async with httpx2.AsyncClient(timeout=timeout_s) as client:
            reply = await client.get(_address(url), headers=_fields(key, customer, run))
    except httpx2.HTTPError as error:
        raise _unreached(url, error) from error
    return _read(url, reply)


def _address(url: str) -> str:
    """The base URL may be the one that SDKs are given, with `/v1`."""
    return f"{url.rstrip('/').removesuffix('/v1')}/v1/me"


def _fields(key: str, customer: str | None, run: str | None) -> dict[str, str]:
    fields = {"Authorization": f"Bearer {key}"}
    if customer is not None:
        fields["Faregate-Customer"] = customer
    if run is not None:
        fields["Faregate-Run"] = run
    return fields


def _unreached(url: str, error: Exception) -> FaregateError:
    reason = str(error) or type(error).__name__
    return FaregateError(
        f"{url} can't be reached: {reason}", fix="check the address, and that the gate runs"
    )


def _read(url: str, reply: httpx2.Response) -> Credit:
    if reply.status_code != 200:
        refusal = Refusal.from_response(reply.status_code, reply.headers, reply.content)
        if refusal is not None:
            raise RefusedError(refusal)
        raise FaregateError(
            f"{url} answers {reply.status_code}, and not as a gate does",
            fix="check the address: it is the gate's, such as http://127.0.0.1:8402",
        )
    try:
        return msgspec.json.decode(reply.content, type=Credit, strict=False)
    except msgspec.DecodeError as error:
        raise FaregateError(
            f"{url} doesn't answer as a gate does: {error}", fix="check the address"
        ) from error
