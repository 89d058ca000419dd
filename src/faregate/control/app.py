"""The application: all operations, errors, and the OpenAPI document."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import faregate
from faregate.control import openapi
from faregate.control.context import Authenticator
from faregate.control.endpoints import endpoint
from faregate.control.management import Management
from faregate.control.operations import Operation, Routes
from faregate.control.paths import WholeNames, routed
from faregate.control.problems import FieldError, ProblemError, missing
from faregate.control.registry import all_routes

# Nothing of this is to be framed, guessed at, or kept by a cache in between.
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def create_app(
    management: Management, authenticate: Authenticator, routes: Iterable[Routes] | None = None
) -> FastAPI:
    """The management API over `management`."""
    app = FastAPI(
        title="Faregate management API",
        version=faregate.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    operations = [one for group in routes or all_routes() for one in group.operations]
    for operation in in_order(operations):
        app.add_api_route(
            routed(operation.path),
            endpoint(operation, management, authenticate),
            methods=[operation.method],
            operation_id=operation.id,
            response_model=None,
            include_in_schema=True,
        )
    _describe(app, operations)
    _handle_errors(app)
    app.add_middleware(WholeNames)
    return app


def in_order(operations: Iterable[Operation]) -> list[Operation]:
    """Fixed paths before those with parameters, which would take them."""
    return sorted(operations, key=lambda one: [part.startswith("{") for part in _parts(one.path)])


def _parts(path: str) -> list[str]:
    return path.split("/")


def _describe(app: FastAPI, operations: list[Operation]) -> None:
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(openapi.document(app, operations))
        return made

    app.openapi = document  # type: ignore[method-assign]

    async def show(_request: Request) -> Response:
        return JSONResponse(document())

    app.add_route("/openapi.json", show, methods=["GET"], include_in_schema=False)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(ProblemError)
    async def problem(_request: Request, error: ProblemError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        errors = tuple(
            FieldError(".".join(map(str, one["loc"][1:])), one["msg"]) for one in error.errors()
        )
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
        return ProblemError(400, "query_invalid", detail, errors=errors).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return missing(f"the path {request.url.path[:200]!r}").response()
        if error.status_code == 405:
            detail = f"{request.method} is not taken here."
            return ProblemError(
                405, "method_not_allowed", detail, headers=dict(error.headers or {})
            ).response()
        return ProblemError(400, "request_invalid", str(error.detail)).response()

    @app.exception_handler(Exception)
    async def broken(_request: Request, _error: Exception) -> Response:
        detail = "Faregate made a mistake; its log has it."
        return ProblemError(500, "internal_error", detail).response()

    @app.middleware("http")
    async def harden(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response
