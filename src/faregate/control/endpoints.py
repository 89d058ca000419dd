"""Makes an endpoint of FastAPI's from an operation.

What all operations share is here: who may, the body, entity tags, idempotency keys, fields, and
how errors go out.
"""

import difflib
import hashlib
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from faregate.control.context import Authenticator, Context, judge
from faregate.control.management import Management
from faregate.control.operations import Operation, Reply
from faregate.control.paging import Page, Paging, chosen
from faregate.control.problems import FieldError, ProblemError, explained
from faregate.control.versions import etag, unreadable
from faregate.core.errors import FaregateError, StorageError

BODY_BYTES_MAX: Final = 32 * 1024 * 1024
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
_KEY_CHARACTERS_MAX: Final = 255


def endpoint(
    operation: Operation, management: Management, authenticate: Authenticator
) -> Callable[..., Any]:
    """The function that FastAPI calls for an operation."""
    handler = operation.handler
    signature = inspect.signature(handler)
    known = query_names(operation, signature)

    async def context_of(request: Request) -> Context:
        caller = await run_in_threadpool(authenticate, request)
        context = await run_in_threadpool(judge, operation, management, caller, request)
        if operation.versioned:
            context.expected()
        if not operation.takes_any_query:
            refuse_unknown_query(request, known)
        return context

    # It depends on the context, so that nobody's body is read who may not send one.
    async def body_of(request: Request, _: Annotated[Context, Depends(context_of)]) -> Any:
        return await read_body(operation, request)

    replaced = {
        "context": lambda p: p.replace(annotation=Context, default=Depends(context_of)),
        "body": lambda p: p.replace(annotation=Any, default=Depends(body_of)),
        "paging": lambda p: p.replace(annotation=Paging, default=Depends(Paging)),
    }
    named = [
        replaced[p.name](p) if p.name in replaced else p for p in signature.parameters.values()
    ]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in named]

    def call(**arguments: Any) -> Response:
        context: Context = arguments["context"]
        try:
            if operation.idempotent and (key := context.request.headers.get("idempotency-key")):
                return _once(context, key, arguments)
            return _answer(context, arguments)
        except FaregateError as error:
            raise explained(error) from error

    call.__name__ = operation.id
    call.__doc__ = inspect.getdoc(handler)
    call.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    return call


def query_names(operation: Operation, signature: inspect.Signature) -> frozenset[str]:
    """The names of the parameters that an operation takes in its query."""
    names: set[str] = set()
    for parameter in signature.parameters.values():
        if parameter.name == "paging":
            names |= set(inspect.signature(Paging).parameters)
        elif parameter.name not in ("context", "body"):
            said = [getattr(part, "alias", None) for part in _metadata(parameter)]
            names.add(next(filter(None, said), parameter.name))
    in_path = {part.split(":")[0] for part in re.findall(r"{([^}]+)}", operation.path)}
    return frozenset(names - in_path)


def _metadata(parameter: inspect.Parameter) -> tuple[Any, ...]:
    return (*getattr(parameter.annotation, "__metadata__", ()), parameter.default)


def refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    """Raise `ProblemError` for a parameter that would have no effect.

    It may be mistyped.
    """
    for name in request.query_params:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else ""
            names = ", ".join(sorted(known)) or "none is taken here"
            raise ProblemError(
                400,
                "query_invalid",
                f"There is no parameter {name[:100]!r} here.",
                errors=(FieldError(name[:100], "it is not known here", meant or None),),
                fix=meant or f"parameters: {names}",
            )


def _answer(context: Context, arguments: dict[str, Any]) -> Response:
    operation = context.operation
    result = operation.handler(**arguments)
    if isinstance(result, Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(result)
    headers = {"Cache-Control": "no-store", **reply.headers}
    if reply.version is not None:
        headers["ETag"] = etag(reply.version)
    status = reply.status or operation.status
    if status == 204 or operation.reply is None:
        return Response(None, status, headers)
    value = reply.value
    paging = arguments.get("paging")
    if isinstance(paging, Paging) and paging.fields is not None and isinstance(value, Page):
        value = {
            "items": [chosen(msgspec.to_builtins(one), paging.fields) for one in value.items],
            "next_cursor": value.next_cursor,
        }
    return Response(msgspec.json.encode(value), status, headers, operation.media_type or JSON)


def _once(context: Context, key: str, arguments: dict[str, Any]) -> Response:
    """The answer of the first request with this key, to all with it."""
    if not 0 < len(key) <= _KEY_CHARACTERS_MAX:
        message = f"it must have 1 to {_KEY_CHARACTERS_MAX} characters"
        raise ProblemError(
            400,
            "idempotency_key_invalid",
            f"Idempotency-Key: {message}.",
            errors=(FieldError("Idempotency-Key", message),),
        )
    store = context.management.idempotency
    request = context.request
    actor = context.actor
    who = actor.id or actor.name
    fingerprint = hashlib.sha256(
        b"\0".join(
            (
                request.method.encode(),
                request.url.path.encode(),
                request.url.query.encode(),
                request.scope.get("faregate.body", b""),
            )
        )
    ).digest()
    begun = store.begin(who, key, fingerprint)
    if begun.kind == "replay":
        return Response(begun.body, begun.status, {**begun.headers, "Idempotent-Replayed": "true"})
    if begun.kind == "in_flight":
        raise ProblemError(
            409,
            "idempotency_key_in_use",
            "The first request with this Idempotency-Key is still under way.",
            fix="repeat it in a moment",
            retry_after_s=1,
        )
    if begun.kind == "interrupted":
        raise ProblemError(
            409,
            "idempotency_outcome_unknown",
            "The first request with this Idempotency-Key was cut off: it may have been done.",
            fix="look whether it was done; if it wasn't, take a new key",
        )
    if begun.kind == "mismatch":
        raise ProblemError(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key was sent with another request.",
            fix="take a new key for a new request",
        )
    try:
        response = _answer(context, arguments)
    except (ProblemError, FaregateError) as error:
        # What was refused changed nothing: a mended request may take the same key. After any
        # other failure nobody knows, so the key stays taken.
        if not isinstance(error, StorageError):
            store.abandon(who, key)
        raise
    kept = {k: v for k, v in response.headers.items() if k not in ("content-length", "date")}
    store.finish(who, key, response.status_code, kept, bytes(response.body))
    return response


async def read_body(operation: Operation, request: Request) -> Any:
    """The decoded body of a request. Raises `ProblemError`."""
    expected = MERGE_PATCH if operation.patch else JSON
    taken = (MERGE_PATCH, JSON) if operation.patch else (JSON,)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = await _bounded(request)
    request.scope["faregate.body"] = raw
    if media_type not in taken and (raw or media_type):
        raise ProblemError(
            415,
            "media_type_unsupported",
            f"The body must be {expected}, not {media_type or 'without a type'}.",
            fix=f"send Content-Type: {expected}",
        )
    if operation.patch:
        return _decoded(raw, dict[str, Any])
    return _decoded(raw, operation.body)


def _decoded(raw: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise unreadable(error) from None
    except (UnicodeDecodeError, RecursionError):
        raise ProblemError(400, "body_unreadable", "The body is not readable JSON.") from None


async def _bounded(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise ProblemError(
                413,
                "body_too_large",
                f"The body is larger than {BODY_BYTES_MAX} bytes.",
                fix="send it in several parts",
            )
        parts.append(part)
    return b"".join(parts)
