"""The OpenAPI 3.1 document, complete enough to generate clients from.

FastAPI says paths and parameters; bodies, replies and errors come from the operations, with JSON
Schemas that msgspec makes of the very types that bodies are decoded into.
"""

import copy
import re
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import faregate
from faregate.control.descriptions import describe
from faregate.control.operations import Operation
from faregate.control.problems import MEDIA_TYPE, TITLES, Problem

_REF: Final = "#/components/schemas/{name}"
_PAGE: Final = re.compile(r"Page_(\w+?)_(?![A-Za-z0-9])")
_SECURITY: Final[list[dict[str, list[str]]]] = [{"token": []}, {"session": []}]


def document(app: FastAPI, operations: list[Operation]) -> dict[str, Any]:
    """The document of `app`, whose operations are `operations`."""
    made = get_openapi(
        title="Faregate management API",
        version=faregate.__version__,
        openapi_version="3.1.0",
        description="Manages an installation of Faregate: who may call what, and who pays.",
        routes=app.routes,
    )
    types = [Problem]
    for one in operations:
        replies = (one.reply, *(kind for _, kind, _ in one.more))
        types += [kind for kind in (one.body, *replies) if _has_schema(kind)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    describe(components, types)
    schemas, components = _renamed(schemas), _renamed(components)
    for name, schema in components.items():
        if name.endswith("Page"):
            _allow_parts(schema)
    refs = {kind_key(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    made["components"] = {
        "schemas": dict(sorted(components.items())),
        "securitySchemes": {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A personal access token or a service account's token.",
            },
            "session": {"type": "apiKey", "in": "cookie", "name": "faregate_session"},
        },
    }
    made["tags"] = [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)]
    for operation in operations:
        place = made["paths"][operation.path.replace(":path}", "}")][operation.method.lower()]
        _complete(place, operation, refs)
    return made


def _renamed(part: Any) -> Any:
    """The same with pages of things named for what they have: CallPage."""
    return msgspec.json.decode(_PAGE.sub(r"\1Page", msgspec.json.encode(part).decode()))


def _allow_parts(page: dict[str, Any]) -> None:
    """With `?fields=` the items of a page are parts of what they are."""
    whole = page["properties"]["items"]["items"]
    part = {"type": "object", "description": "The fields that were asked for with `fields`."}
    page["properties"]["items"]["items"] = {"anyOf": [whole, part]}
    page["title"] = page["title"].removeprefix("Page[").removesuffix("]") + "Page"


def kind_key(kind: Any) -> str:
    """What tells types apart; not all of them can be hashed."""
    return repr(kind)


def _has_schema(kind: Any) -> bool:
    return kind is not None and kind is not bytes


def _complete(place: dict[str, Any], operation: Operation, refs: dict[str, Any]) -> None:
    place["tags"] = [operation.tag]
    place["summary"] = operation.summary
    place["x-permission"] = operation.permission
    place["security"] = [] if operation.permission is None else copy.deepcopy(_SECURITY)
    parameters = place.setdefault("parameters", [])
    if operation.versioned:
        parameters.append(
            _header("If-Match", "ETag of what was seen; `*` means whatever is there.", True)
        )
    if operation.idempotent:
        parameters.append(
            _header("Idempotency-Key", "The same key makes the same request once.", False)
        )
    if operation.body is not None:
        place["requestBody"] = _request_body(operation, refs)
    place["responses"] = _responses(operation, refs)


def _header(name: str, description: str, required: bool) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    }


def _request_body(operation: Operation, refs: dict[str, Any]) -> dict[str, Any]:
    media_type = "application/merge-patch+json" if operation.patch else "application/json"
    schema = refs[kind_key(operation.body)]
    if operation.patch:
        schema = {"type": "object", "description": "A merge patch (RFC 7396).", "x-patches": schema}
    content: dict[str, Any] = {"schema": schema}
    if operation.example is not None:
        content["example"] = msgspec.to_builtins(operation.example)
    return {"required": True, "content": {media_type: content}}


def _responses(operation: Operation, refs: dict[str, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": operation.summary}
    if operation.reply is not None:
        content: dict[str, Any] = {}
        if _has_schema(operation.reply):
            content["schema"] = refs[kind_key(operation.reply)]
        if operation.reply_example is not None:
            content["example"] = msgspec.to_builtins(operation.reply_example)
        good["content"] = {operation.media_type or "application/json": content}
    responses = {str(operation.status): good}
    for status, kind, media_type in operation.more:
        _add_reply(responses, status, media_type, refs[kind_key(kind)] if kind else None)
    for status in sorted(_statuses(operation)):
        responses[str(status)] = {
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
    return responses


def _add_reply(
    responses: dict[str, Any], status: int, media_type: str, schema: dict[str, Any] | None
) -> None:
    """Another good reply; of one status and type any of the schemas holds."""
    summary = responses[min(responses)]["description"]
    reply = responses.setdefault(str(status), {"description": summary})
    content = reply.setdefault("content", {})
    before = content.get(media_type, {}).get("schema")
    if schema is None:
        # Tools that read YAML see what it says, others a text.
        schema = {} if media_type.endswith("yaml") else {"type": "string"}
    schema = schema if before is None else {"anyOf": [before, schema]}
    content[media_type] = {**content.get(media_type, {}), "schema": schema}


def _statuses(operation: Operation) -> set[int]:
    statuses = {400, 503, *operation.errors}
    if operation.permission is not None:
        statuses |= {401, 403}
    if "{" in operation.path:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {413, 415, 422}
    if operation.versioned:
        statuses |= {412, 428}
    if operation.idempotent:
        statuses |= {409, 422}
    return statuses
