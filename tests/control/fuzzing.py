"""Sends what an OpenAPI document allows, and what it doesn't, to every operation."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def operations(app: Any) -> dict[str, Any]:
    """Every operation of the document of `app`, by its name."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    found = [result.ok() for result in schema.get_all_operations()]
    return {one.definition.raw["operationId"]: one for one in found}


def fuzz(operation: Any, examples: int) -> int:
    """Send so many requests to an operation, half of them wrong; how many were sent."""
    sent = 0
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def send(case: Any) -> None:
            nonlocal sent
            response = case.call()
            # 503 says that the service or its ledger isn't there, and it is said in the document.
            assert response.status_code != 500, response.text
            case.validate_response(response, checks=CHECKS)
            sent += 1

        try:
            send()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # there is nothing that could be wrong
    return sent
