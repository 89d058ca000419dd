"""Settings, and how callers identify themselves beside keys."""

from typing import Any

from starlette.responses import Response

from faregate.configuration.callers import Callers
from faregate.configuration.settings import Settings
from faregate.control.context import Context
from faregate.control.endpoints import JSON
from faregate.control.operations import Reply, Routes
from faregate.control.paging import Page, Paging
from faregate.control.resources.history import ItemRevision, page_of_history
from faregate.control.resources.sections import CALLERS, SETTINGS, replace, show, update
from faregate.control.resources.writing import (
    DraftName,
    DryRun,
    Manner,
    Message,
    Preview,
    Staged,
)

routes = Routes("Settings")
_MORE = ((200, Preview, JSON), (202, Staged, JSON))


@routes.get("/v1/settings", "settings.read", reply=SETTINGS.view)
def get_settings(context: Context) -> Reply:
    """Show the settings of the installation."""
    return show(context, SETTINGS)


@routes.patch(
    "/v1/settings",
    "settings.write",
    body=Settings,
    reply=SETTINGS.view,
    versioned=True,
    patch=True,
    more=_MORE,
    example={"credit": {"wait_s": 2.5}},
)
def update_settings(
    context: Context,
    body: dict[str, Any],
    dry_run: DryRun = False,
    message: Message = None,
    draft: DraftName = None,
) -> Reply | Response:
    """Change parts of the settings."""
    return update(context, SETTINGS, body, Manner(dry_run, message, draft))


@routes.put(
    "/v1/settings",
    "settings.write",
    reply=SETTINGS.view,
    versioned=True,
    more=_MORE,
    example={"credit": {"wait_s": 2.5}},
)
def replace_settings(
    context: Context,
    body: Settings,
    dry_run: DryRun = False,
    message: Message = None,
    draft: DraftName = None,
) -> Reply | Response:
    """Replace the settings: what the body leaves out has its default."""
    return replace(context, SETTINGS, body, Manner(dry_run, message, draft))


@routes.get("/v1/settings/history", "settings.read", reply=Page[ItemRevision])
def list_settings_history(context: Context, paging: Paging) -> Page[ItemRevision]:
    """List the changes of the settings, newest first."""
    return page_of_history(context, paging, SETTINGS.field, "")


@routes.get("/v1/callers", "callers.read", reply=CALLERS.view)
def get_callers(context: Context) -> Reply:
    """Show how callers identify themselves beside keys, without secrets."""
    return show(context, CALLERS)


@routes.patch(
    "/v1/callers",
    "callers.write",
    body=Callers,
    reply=CALLERS.view,
    versioned=True,
    patch=True,
    more=_MORE,
    example={"oauth2": {"enabled": True}},
)
def update_callers(
    context: Context,
    body: dict[str, Any],
    dry_run: DryRun = False,
    message: Message = None,
    draft: DraftName = None,
) -> Reply | Response:
    """Change parts of how callers identify themselves beside keys."""
    return update(context, CALLERS, body, Manner(dry_run, message, draft))


@routes.put(
    "/v1/callers",
    "callers.write",
    reply=CALLERS.view,
    versioned=True,
    more=_MORE,
    example={"oauth2": {"enabled": True}},
)
def replace_callers(
    context: Context,
    body: Callers,
    dry_run: DryRun = False,
    message: Message = None,
    draft: DraftName = None,
) -> Reply | Response:
    """Replace how callers identify themselves beside keys."""
    return replace(context, CALLERS, body, Manner(dry_run, message, draft))


@routes.get("/v1/callers/history", "callers.read", reply=Page[ItemRevision])
def list_callers_history(context: Context, paging: Paging) -> Page[ItemRevision]:
    """List the changes of how callers identify themselves, newest first."""
    return page_of_history(context, paging, CALLERS.field, "")
