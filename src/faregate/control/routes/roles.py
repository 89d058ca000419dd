"""Roles: built-in ones, and custom ones of named permissions."""

from typing import Annotated

import msgspec
from fastapi import Path
from msgspec import Meta

from faregate.control.context import Context
from faregate.control.operations import SELF, Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.versions import patched
from faregate.identity.permissions import PERMISSIONS, TEAM_PERMISSIONS, Role
from faregate.storage.custom_roles import StoredRole

routes = Routes("Roles")

RoleName = Annotated[str, Path(max_length=63, description="The role's name.")]
Summary = Annotated[str, Meta(max_length=200)]
Permissions = Annotated[list[str], Meta(min_length=1, max_length=200)]


class RoleFacts(msgspec.Struct, frozen=True):
    """A role."""

    name: str
    summary: str
    permissions: list[str]
    # given in a team; others are given in the organisation
    of_team: bool
    # built-in ones stay as they are
    built_in: bool


class NewRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A custom role to be made."""

    name: Annotated[str, Meta(max_length=63)]
    permissions: Permissions
    summary: Summary = ""
    of_team: bool = False


class RolePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a custom role."""

    permissions: Permissions
    summary: Summary


class Permission(msgspec.Struct, frozen=True):
    """What a role can allow."""

    name: str
    summary: str
    # whether it means something in one team
    of_team: bool


@routes.get("/v1/permissions", SELF, reply=Page[Permission])
def list_permissions(context: Context, paging: Paging) -> Page[Permission]:
    """List all permissions that roles are made of."""
    found = [
        Permission(name, summary, name in TEAM_PERMISSIONS) for name, summary in PERMISSIONS.items()
    ]
    return paging.page(found, sortable=("name",), default="name")


@routes.get("/v1/roles", "roles.read", reply=Page[RoleFacts])
def list_roles(context: Context, paging: Paging) -> Page[RoleFacts]:
    """List all roles."""
    found = map(role_facts, context.management.directory.roles.list())
    return paging.page(found, sortable=("name", "built_in", "of_team"), default="name")


@routes.get("/v1/roles/{role}", "roles.read", reply=RoleFacts)
def get_role(context: Context, role: RoleName) -> Reply:
    """Show a role."""
    return _reply(context.management.directory.roles.get(role))


@routes.post(
    "/v1/roles",
    "roles.write",
    status=201,
    reply=RoleFacts,
    errors=(409,),
    idempotent=True,
    example=NewRole("support", ["calls.read", "keys.read"], "Helps callers."),
)
def create_role(context: Context, body: NewRole) -> Reply:
    """Make a custom role of permissions that one holds."""
    role = Role(body.name, body.summary, frozenset(body.permissions), body.of_team)
    return _reply(context.management.directory.roles.add(context.principal, role))


@routes.patch(
    "/v1/roles/{role}",
    "roles.write",
    body=RolePatch,
    reply=RoleFacts,
    patch=True,
    versioned=True,
    errors=(409,),
)
def update_role(context: Context, role: RoleName, body: dict[str, object]) -> Reply:
    """Change a custom role, for all who have it."""
    roles = context.management.directory.roles
    seen = roles.get(role)
    wish = patched(RolePatch(sorted(seen.role.permissions), seen.role.summary), body)
    changed = msgspec.structs.replace(
        seen.role, permissions=frozenset(wish.permissions), summary=wish.summary
    )
    return _reply(roles.change(context.principal, changed, context.expected() or str(seen.version)))


@routes.delete("/v1/roles/{role}", "roles.write", versioned=True, errors=(409,))
def delete_role(context: Context, role: RoleName) -> Reply:
    """Remove a custom role that nobody has."""
    context.management.directory.roles.remove(context.principal, role, context.expected())
    return Reply(status=204)


def role_facts(stored: StoredRole) -> RoleFacts:
    """A role as it is shown."""
    role = stored.role
    return RoleFacts(role.name, role.summary, sorted(role.permissions), role.of_team, role.built_in)


def _reply(stored: StoredRole) -> Reply:
    return Reply(role_facts(stored), version=stored.version)
