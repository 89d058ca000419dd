"""The management API: teams. Written by `make docs`."""

from typing import Any

import msgspec

from faregate.client.operations.shapes import BulkReply, DeleteItem, ItemRevision, UpdateItem
from faregate.client.requests import MERGE_PATCH, Page, Request, asked, place
from faregate.configuration.commerce import Team, TeamSettings

__all__ = [
    "CreateTeam",
    "TeamChanges",
    "TeamItem",
    "change_teams",
    "create_team",
    "delete_team",
    "get_team",
    "list_team_history",
    "list_teams",
    "replace_team",
    "update_team",
]


class CreateTeam(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="action", tag="create"
):
    """Add `item`."""

    item: Team


class TeamChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes of teams: all of them are made, or none."""

    items: list[CreateTeam | UpdateItem | DeleteItem]


class TeamItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who owns applications, and pays for them. `etag`: its version."""

    name: str
    wallet: str | None
    settings: TeamSettings
    etag: str


def change_teams(body: TeamChanges, *, message: str | None = None) -> Request[BulkReply]:
    """Change many teams at once, all or none."""
    return Request(
        "POST",
        place("/v1/teams/bulk"),
        BulkReply,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def create_team(body: Team, *, message: str | None = None) -> Request[TeamItem]:
    """Add a team."""
    return Request(
        "POST",
        place("/v1/teams"),
        TeamItem,
        query=asked(message=message),
        body=body,
        repeatable=True,
        may_wait=True,
    )


def delete_team(team: str, *, version: str, message: str | None = None) -> Request[None]:
    """Remove a team."""
    return Request(
        "DELETE",
        place("/v1/teams/{team}", team=team),
        None,
        query=asked(message=message),
        version=version,
        may_wait=True,
    )


def get_team(team: str) -> Request[TeamItem]:
    """Show one team."""
    return Request("GET", place("/v1/teams/{team}", team=team), TeamItem)


def list_team_history(
    team: str, *, limit: int | None = None, cursor: str | None = None, sort: str | None = None
) -> Request[Page[ItemRevision]]:
    """List the changes of one team, newest first."""
    return Request(
        "GET",
        place("/v1/teams/{team}/history", team=team),
        Page[ItemRevision],
        query=asked(limit=limit, cursor=cursor, sort=sort),
    )


def list_teams(
    *,
    name: str | None = None,
    wallet: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
    sort: str | None = None,
) -> Request[Page[TeamItem]]:
    """List the teams."""
    return Request(
        "GET",
        place("/v1/teams"),
        Page[TeamItem],
        query=asked(name=name, wallet=wallet, limit=limit, cursor=cursor, sort=sort),
    )


def replace_team(
    team: str, body: Team, *, version: str, message: str | None = None
) -> Request[TeamItem]:
    """Replace a team."""
    return Request(
        "PUT",
        place("/v1/teams/{team}", team=team),
        TeamItem,
        query=asked(message=message),
        body=body,
        version=version,
        may_wait=True,
    )


def update_team(
    team: str, body: dict[str, Any], *, version: str, message: str | None = None
) -> Request[TeamItem]:
    """Change parts of a team."""
    return Request(
        "PATCH",
        place("/v1/teams/{team}", team=team),
        TeamItem,
        query=asked(message=message),
        body=body,
        media_type=MERGE_PATCH,
        version=version,
        may_wait=True,
    )
