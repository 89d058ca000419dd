"""docs/reference/management-api.md and openapi.json: every operation, and who may call it."""

import json
from collections.abc import Iterable
from typing import Any

from docs.tables import NOTICE, code, table

from faregate.control.app import create_app
from faregate.control.context import Caller
from faregate.control.operations import SELF, Operation
from faregate.control.registry import all_routes
from faregate.identity.permissions import BUILT_IN_ROLES, PERMISSIONS, TEAM_PERMISSIONS

YES, OWN, NO = "yes", "own", "-"


def operations() -> list[Operation]:
    """All operations, by heading and path."""
    every = [one for group in all_routes() for one in group.operations]
    return sorted(every, key=lambda one: (one.tag, one.path, one.method))


def allowed(operation: Operation, role: str) -> str:
    """Whether who holds a role may call an operation.

    `own`: what is its own, or in lists what is of its team.
    """
    held = BUILT_IN_ROLES[role]
    if operation.permission is None:
        return YES
    if operation.permission == SELF:
        return OWN
    if operation.permission not in held.permissions:
        return NO
    if not held.of_team or operation.is_of_team:
        return YES
    return OWN if operation.across else NO


def page() -> str:
    """The reference of the management API."""
    intro = (
        "The management API is served at `127.0.0.1:8403` (`settings.management`). "
        "[How to use it](../guides/management-api.md); the same as an OpenAPI 3.1 document: "
        "[openapi.json](openapi.json), and `/openapi.json` of a running service. *Own* means what "
        "is one's own; in lists, what is of one's teams. Roles whose names begin with `team-` are "
        "held in one team, and hold there alone."
    )
    parts = [NOTICE, "# The management API", intro, "## Roles and permissions", _roles()]
    for tag in dict.fromkeys(one.tag for one in operations()):
        parts += [f"## {tag}", _table(one for one in operations() if one.tag == tag)]
    return "\n\n".join(parts) + "\n"


def _roles() -> str:
    heads = ("Permission", "Allows", "In teams", *map(code, BUILT_IN_ROLES))
    rows = [
        (
            code(name),
            summary,
            YES if name in TEAM_PERMISSIONS else NO,
            *(YES if name in role.permissions else NO for role in BUILT_IN_ROLES.values()),
        )
        for name, summary in PERMISSIONS.items()
    ]
    return table(heads, rows)


def _table(group: Iterable[Operation]) -> str:
    heads = ("Operation", "Name", "What it does", "Permission", *map(code, BUILT_IN_ROLES))
    rows = [
        (
            code(f"{one.method} {one.path.replace(':path}', '}')}"),
            code(one.id),
            one.summary,
            "none" if one.permission is None else code(one.permission),
            *(allowed(one, role) for role in BUILT_IN_ROLES),
        )
        for one in group
    ]
    return table(heads, rows)


def openapi_json() -> str:
    """The OpenAPI document, as a running service shows it."""
    nothing: Any = None
    document = create_app(nothing, lambda _: Caller(None, "")).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False) + "\n"
