"""The management API: configuration. Written by `make docs`."""

import msgspec

from faregate.client.operations.shapes import Configuration, GrantedEntry
from faregate.client.problems import FieldError
from faregate.client.requests import Request, asked, place
from faregate.configuration.difference import Change
from faregate.configuration.document import Document

__all__ = [
    "Applied",
    "Checked",
    "ConfigurationChange",
    "ConfigurationCheck",
    "ExpiredGrant",
    "SealRequest",
    "Sealed",
    "check_configuration",
    "get_configuration",
    "replace_configuration",
    "seal_secret",
]


class ExpiredGrant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A grant that had expired before it could be given."""

    wallet: str
    name: str


class Applied(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was changed, or would be, and the credit that was given."""

    revision: int
    dry_run: bool
    changes: list[Change]
    granted: list[GrantedEntry] = []
    expired_grants: list[ExpiredGrant] = []


class Checked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a document can be put in force, and what would change."""

    ok: bool
    problems: list[FieldError]
    revision: int | None
    changes: list[Change]


class ConfigurationChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document to put in force.

    `environment` has the values of its variables. With `keep_values`, texts that are as they
    were keep their values, but at the places in `renewed`, such as providers[x].api_key;
    without it all variables take their values from `environment`. `message` is for the history.
    """

    document: Document
    environment: dict[str, str] = {}
    keep_values: bool = False
    renewed: list[str] = []
    message: str | None = None


class ConfigurationCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document to look at, and the values of its variables."""

    document: Document
    environment: dict[str, str] = {}


class SealRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A secret, and the place in the configuration that it is sealed for."""

    secret: str
    place: str


class Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sealed secret, as it stands in a configuration."""

    sealed: str


def check_configuration(body: ConfigurationCheck) -> Request[Checked]:
    """Check a configuration, and say what it would change."""
    return Request("POST", place("/v1/configuration/check"), Checked, body=body)


def get_configuration() -> Request[Configuration]:
    """Export the configuration in force, as it was written."""
    return Request("GET", place("/v1/configuration"), Configuration)


def replace_configuration(
    body: ConfigurationChange,
    *,
    version: str,
    dry_run: bool | None = None,
    message: str | None = None,
) -> Request[Applied]:
    """Put a configuration in force, whole or not at all."""
    return Request(
        "PUT",
        place("/v1/configuration"),
        Applied,
        query=asked(dry_run=dry_run, message=message),
        body=body,
        version=version,
    )


def seal_secret(body: SealRequest) -> Request[Sealed]:
    """Seal a secret for its place in the configuration."""
    return Request("POST", place("/v1/configuration/seal"), Sealed, body=body)
