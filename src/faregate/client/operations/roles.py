"""The management API: roles. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place

__all__ = [
    "NewRole",
    "Permission",
    "RoleFacts",
    "create_role",
    "delete_role",
    "get_role",
    "list_permissions",
    "list_roles",
    "update_role",
]


class NewRole(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A custom role to be made."""

    name: str
    permissions: list[str]
    summary: str = ""
    of_team: bool = False


class Permission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a role can allow."""

    name: str
    summary: str
    of_team: bool


class RoleFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A role."""

    name: str
    summary: str
    permissions: list[str]
    of_team: bool
    built_in: bool


def create_role(body: NewRole) -> Request[RoleFacts]:
    """Make a custom role of permissions that one holds."""
    return Request("POST", place("/v1/roles"), RoleFacts, body=body, repeatable=True)


def delete_role(role: str, *, version: str) -> Request[None]:
    """Remove a custom role that nobody has."""
    return Request("DELETE", place("/v1/roles/{role}", role=role), None, version=version)


def get_role(role: str) -> Request[RoleFacts]:
    """Show a role."""
    return Request("GET", place("/v1/roles/{role}", role=role), RoleFacts)


def list_permissions(
    *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[Permission]]:
    """List all permissions that roles are made of."""
    return Request(
        "GET",
        place("/v1/permissions"),
        Page[Permission],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_roles(
    *,
    team: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[RoleFacts]]:
    """List all roles."""
    return Request(
        "GET",
        place("/v1/roles", team=team),
        Page[RoleFacts],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def update_role(role: str, body: dict[str, Any], *, version: str) -> Request[RoleFacts]:
    """Change a custom role, for all who have it."""
    return Request(
        "PATCH",
        place("/v1/roles/{role}", role=role),
        RoleFacts,
        body=body,
        media_type=MERGE_PATCH,
        version=version,
    )
