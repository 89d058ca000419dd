"""The whole configuration: exported, checked, applied."""

from typing import Annotated, Literal

import msgspec
from fastapi import Query
from msgspec import Meta
from starlette.responses import Response

from faregate.configuration.export import export
from faregate.control.context import Context
from faregate.control.operations import Reply, Routes
from faregate.control.resources import whole
from faregate.control.resources.writing import DryRun, Message
from faregate.control.versions import etag

routes = Routes("Configuration")
YAML = "application/yaml"


class SealRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret, and the place in the configuration that it is sealed for."""

    secret: Annotated[str, Meta(min_length=1, max_length=65_536)]
    place: Annotated[str, Meta(min_length=1, max_length=500)]


class Sealed(msgspec.Struct, frozen=True):
    """The sealed secret, as it stands in a configuration."""

    sealed: str


@routes.get(
    "/v1/configuration",
    "revisions.read",
    reply=whole.Configuration,
    more=((200, None, YAML),),
)
def get_configuration(
    context: Context,
    format: Annotated[  # noqa: A002 - the name of the parameter
        Literal["json", "yaml"], Query(description="JSON, or faregate.yaml as text.")
    ] = "json",
) -> Reply | Response:
    """Export the configuration in force, as it was written."""
    found = whole.read(context)
    if format == "json":
        return Reply(found, version=found.revision)
    headers = {
        "ETag": etag(found.revision),
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="faregate.yaml"',
    }
    return Response(export(found.document), 200, headers, YAML)


@routes.put(
    "/v1/configuration",
    "revisions.write",
    reply=whole.Applied,
    versioned=True,
    errors=(409,),
    example={"document": {"teams": [{"name": "sales"}]}, "message": "a first team"},
)
def replace_configuration(
    context: Context,
    body: whole.ConfigurationChange,
    dry_run: DryRun = False,
    message: Message = None,
) -> Reply:
    """Put a configuration in force, whole or not at all."""
    applied = whole.apply(context, body, dry_run=dry_run, message=message)
    return Reply(applied, version=applied.revision)


@routes.post(
    "/v1/configuration/check",
    "revisions.write",
    reply=whole.Checked,
    example={"document": {"teams": [{"name": "sales"}]}},
)
def check_configuration(context: Context, body: whole.ConfigurationCheck) -> whole.Checked:
    """Check a configuration, and say what it would change."""
    return whole.check(context, body)


@routes.post(
    "/v1/configuration/seal",
    "providers.write",
    reply=Sealed,
    example={"secret": "sk-example", "place": "providers[openai].api_key"},
)
def seal_secret(context: Context, body: SealRequest) -> Sealed:
    """Seal a secret for its place in the configuration."""
    return Sealed(context.management.installation.revisions.seal(body.secret, body.place))
