"""Whose a call is, and which models are there for it."""

from collections.abc import Mapping
from typing import Protocol

from faregate.catalogue.models import Catalogue, Scope
from faregate.identity.keys import KeyRecord


class OfTeam(Protocol):
    """An application, as far as it is read here."""

    @property
    def team(self) -> str | None:
        """The team that owns it."""


def team_of(key: KeyRecord, applications: Mapping[str, OfTeam]) -> str:
    """The team whose a key's calls are: its application's, else its own.

    "" is no team.
    """
    if key.application is not None:
        application = applications.get(key.application)
        if application is not None:
            return application.team or ""
    return key.team or ""


class Tenants:
    """What each key's team may name; `applications` are all, by name."""

    def __init__(
        self, catalogue: Catalogue, applications: Mapping[str, OfTeam] | None = None
    ) -> None:
        self._catalogue = catalogue
        self._applications = applications or {}

    def scope(self, key: KeyRecord | None) -> Scope:
        """The models that are there for a key, before its own list narrows them."""
        if key is None:
            return self._catalogue.of("")
        return self._catalogue.of(team_of(key, self._applications))
