"""The directory of an installation.

Its people and programs, and their logins.
"""

import time
from collections.abc import Callable
from typing import Final

from faregate.configuration.settings import ManagementSettings
from faregate.core.clock import Clock, SystemClock
from faregate.identity.sessions import SessionRules
from faregate.storage.access_tokens import AccessTokens
from faregate.storage.custom_roles import CustomRoles
from faregate.storage.database import Database
from faregate.storage.external_logins import ExternalLogins
from faregate.storage.installation import Installation
from faregate.storage.invitations import Invitations
from faregate.storage.logins import Logins
from faregate.storage.members import Members
from faregate.storage.password_changes import PasswordChanges
from faregate.storage.password_hashes import Cost, PasswordHashes
from faregate.storage.principals import Principals
from faregate.storage.second_factors import SecondFactors
from faregate.storage.secrets import SecretBox
from faregate.storage.service_accounts import ServiceAccounts
from faregate.storage.sessions import Sessions
from faregate.storage.users import Users

_SETTINGS_KEPT_S: Final = 5.0


class Directory:
    """The stores of people and programs in `database`.

    `box` seals the secrets of second factors; `rules` says how long logins last, `settings`
    without it; `cost` is what a password's hash costs.
    """

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        clock: Clock | None = None,
        rules: Callable[[], SessionRules] | None = None,
        cost: Cost | None = None,
        settings: Callable[[], ManagementSettings] = ManagementSettings,
    ) -> None:
        clock = clock or SystemClock()
        rules = rules or (lambda: session_rules(settings()))
        hashes = PasswordHashes(cost)
        self.settings = settings
        self.users = Users(database, clock)
        self.roles = CustomRoles(database, clock)
        self.members = Members(database, clock)
        self.sessions = Sessions(database, clock, rules)
        self.tokens = AccessTokens(database, clock)
        self.service_accounts = ServiceAccounts(database, clock)
        self.passwords = PasswordChanges(database, clock, hashes)
        self.second_factors = SecondFactors(database, box, clock, hashes)
        self.logins = Logins(database, clock, hashes, self.second_factors, rules)
        self.external_logins = ExternalLogins(database, clock, self.logins)
        self.invitations = Invitations(database, clock, hashes, self.logins)
        self.principals = Principals(database, clock, rules)


def session_rules(settings: ManagementSettings) -> SessionRules:
    """How long logins last by these settings."""
    return SessionRules.of_hours(settings.session_idle_h, settings.session_total_h)


def directory_of(
    installation: Installation, box: SecretBox, clock: Clock | None = None
) -> Directory:
    """The directory of an installation that is open.

    Its settings are looked at now and then.
    """
    kept: list[tuple[float, ManagementSettings]] = []

    def settings() -> ManagementSettings:
        now = time.monotonic()
        if not kept or now - kept[0][0] >= _SETTINGS_KEPT_S:
            kept[:] = [(now, installation.revisions.written()[1].settings.management)]
        return kept[0][1]

    return Directory(installation.database, box, clock, settings=settings)
