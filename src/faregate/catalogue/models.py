"""The models of an installation by the names that callers use."""

import difflib
from collections.abc import Iterable
from typing import Final

import msgspec

_SUGGESTIONS_MAX: Final = 3
_COMPARED_MAX: Final = 32  # names a refusal may cost to compare, however many models there are
_REMEMBERED_MAX: Final = 256


class Offer(msgspec.Struct, frozen=True):
    """A model at a provider: `upstream_model` is the name it has there."""

    name: str
    provider: str
    upstream_model: str


class Catalogue:
    """Finds the offer behind a name or an alias."""

    def __init__(self, offers: Iterable[tuple[Offer, tuple[str, ...]]]) -> None:
        self._by_name: dict[str, Offer] = {}
        self._nearest: dict[tuple[str, frozenset[str] | None], list[str]] = {}
        for offer, aliases in offers:
            self._by_name[offer.name] = offer
            for alias in aliases:
                self._by_name[alias] = offer
        self._sorted = sorted(self._by_name)

    def find(self, name: str) -> Offer | None:
        """The offer of this name or alias."""
        return self._by_name.get(name)

    def names(self, allowed: frozenset[str] | None) -> list[str]:
        """Names and aliases that may be asked for; `allowed` of None: all."""
        return [name for name in self._sorted if self.permits(name, allowed)]

    def permits(self, name: str, allowed: frozenset[str] | None) -> bool:
        """Whether a key with `allowed` may ask for `name`.

        A model that is allowed may be asked for by its aliases too; an alias that is allowed
        gives no right to its model's other names.
        """
        if allowed is None or name in allowed:
            return True
        offer = self._by_name.get(name)
        return offer is not None and offer.name in allowed

    def nearest(self, name: str, allowed: frozenset[str] | None) -> list[str]:
        """Names like `name`, the most alike first; only what may be asked for.

        Callers repeat their mistakes, so the answer is remembered; and strangers must not make
        it dear, so only names that begin alike are compared, and only so many.
        """
        known = self._nearest.get((name, allowed))
        if known is not None:
            return known
        beginning = name[:2].lower()
        alike = [each for each in self.names(allowed) if each[:2].lower() == beginning]
        found = difflib.get_close_matches(
            name, alike[:_COMPARED_MAX], n=_SUGGESTIONS_MAX, cutoff=0.5
        )
        if len(self._nearest) >= _REMEMBERED_MAX:
            self._nearest.clear()
        self._nearest[name, allowed] = found
        return found
