"""The management API: settings. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.operations.shapes import ItemRevision
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.callers import (
    CallerPolicy,
    Callers,
    ClientCertificate,
    HmacCredential,
    JwtIssuer,
    OAuth2,
)
from faregate.configuration.settings import (
    BatchSettings,
    CallSettings,
    CatalogueSettings,
    CreditSettings,
    FileSettings,
    GateSettings,
    JournalSettings,
    LedgerSettings,
    LimitSettings,
    ManagementSettings,
    OperationsSettings,
    RefusalSettings,
    RoutingSettings,
    Settings,
    WebhookSettings,
)

__all__ = [
    "CallersItem",
    "SettingsItem",
    "get_callers",
    "get_settings",
    "list_callers_history",
    "list_settings_history",
    "replace_callers",
    "replace_settings",
    "update_callers",
    "update_settings",
]


class CallersItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How callers identify themselves beside keys. `etag`: its version."""

    jwt_issuers: list[JwtIssuer]
    oauth2: OAuth2
    hmac: list[HmacCredential]
    certificates: list[ClientCertificate]
    policies: list[CallerPolicy]
    etag: str


class SettingsItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All settings of an installation. `etag`: its version."""

    gate: GateSettings
    operations: OperationsSettings
    management: ManagementSettings
    journal: JournalSettings
    calls: CallSettings
    ledger: LedgerSettings
    credit: CreditSettings
    catalogue: CatalogueSettings
    limits: LimitSettings
    routing: RoutingSettings
    refusals: RefusalSettings
    files: FileSettings
    batches: BatchSettings
    webhooks: WebhookSettings
    etag: str


def get_callers() -> Request[CallersItem]:
    """Show how callers identify themselves beside keys, without secrets."""
    return Request("GET", place("/v1/callers"), CallersItem)


def get_settings() -> Request[SettingsItem]:
    """Show the settings of the installation."""
    return Request("GET", place("/v1/settings"), SettingsItem)


def list_callers_history(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[ItemRevision]]:
    """List the changes of how callers identify themselves, newest first."""
    return Request(
        "GET",
        place("/v1/callers/history"),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_settings_history(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[ItemRevision]]:
    """List the changes of the settings, newest first."""
    return Request(
        "GET",
        place("/v1/settings/history"),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def replace_callers(
    body: Callers, *, version: str, message: str | None = None
) -> Request[CallersItem]:
    """Replace how callers identify themselves beside keys."""
    return Request(
        "PUT",
        place("/v1/callers"),
        CallersItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def replace_settings(
    body: Settings, *, version: str, message: str | None = None
) -> Request[SettingsItem]:
    """Replace the settings: what the body leaves out has its default."""
    return Request(
        "PUT",
        place("/v1/settings"),
        SettingsItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_callers(
    body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[CallersItem]:
    """Change parts of how callers identify themselves beside keys."""
    return Request(
        "PATCH",
        place("/v1/callers"),
        CallersItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )


def update_settings(
    body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[SettingsItem]:
    """Change parts of the settings."""
    return Request(
        "PATCH",
        place("/v1/settings"),
        SettingsItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
