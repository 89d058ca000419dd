"""What of the ledger is whose.

Purses are named as the things that they are of.

A wallet, budget or limit of the team sales is called sales/..., and so are its purses; rules of
the configuration keep all other names from beginning so. `teams` of None is everybody's.
"""

from collections.abc import Iterable
from typing import Final

from faregate.configuration.tenancy import team_named
from faregate.core.errors import MissingError
from faregate.ledger.purses import wallet_purse_id

Teams = frozenset[str] | None
Condition = tuple[str, list[str]]  # of a statement, with its values

_WALLET: Final = wallet_purse_id("")
_OWNED: Final = (_WALLET, "budget:", "limit:")
EVERYBODY: Final[Condition] = ("1 = 1", [])


def wallets_of(column: str, teams: Teams) -> Condition:
    """Which accounts or purses are wallets of these teams."""
    if teams is None:
        return EVERYBODY
    return _begins((column, f"{_WALLET}{team}/") for team in sorted(teams))


def named_by(column: str, teams: Teams) -> Condition:
    """Which names are of these teams."""
    if teams is None:
        return EVERYBODY
    return _begins((column, f"{team}/") for team in sorted(teams))


def events_of(teams: Teams) -> Condition:
    """Which events are of purses and provider accounts of these teams."""
    if teams is None:
        return EVERYBODY
    purses, values = _begins(
        ("purse_id", f"{kind}{team}/") for team in sorted(teams) for kind in _OWNED
    )
    accounts, names = named_by("subject", teams)
    return f"({purses} OR (kind = 'provider_event' AND {accounts}))", values + names


def require_own(wallet: str, teams: Teams) -> None:
    """Raise `MissingError` unless this wallet is of one of these teams."""
    if teams is not None and team_named(wallet, teams) is None:
        raise MissingError(f"there is no wallet {wallet!r}", fix="name a wallet of the team")


def _begins(found: Iterable[tuple[str, str]]) -> Condition:
    # By their beginning rather than between two texts: collations order signs as they like.
    pairs = list(found)
    if not pairs:
        return "1 = 0", []
    parts = [f"SUBSTR({column}, 1, {len(text)}) = ?" for column, text in pairs]
    return f"({' OR '.join(parts)})", [text for _, text in pairs]
