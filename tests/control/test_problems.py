"""Errors of the house become problems that name the field and the fix."""

import pytest

from faregate.control.problems import explained, missing
from faregate.core.errors import (
    ConfigurationError,
    ConflictError,
    FaregateError,
    ForbiddenError,
    MissingError,
    StaleError,
    StorageError,
)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MissingError("x"), 404, "not_found"),
        (ConflictError("x"), 409, "conflict"),
        (StaleError("x"), 412, "stale"),
        (ForbiddenError("x"), 403, "forbidden"),
        (StorageError("x"), 503, "storage_unavailable"),
        (FaregateError("x"), 422, "invalid"),
        (ConfigurationError("x"), 422, "invalid"),
    ],
)
def test_each_kind_has_its_status(error: FaregateError, status: int, code: str) -> None:
    response = explained(error).response()
    assert response.status_code == status
    assert f'"code":"{code}"'.encode() in response.body
    assert response.headers["content-type"] == "application/problem+json"


def test_every_mistake_of_a_configuration_is_told_with_its_place() -> None:
    other = ConfigurationError("models[a].provider: there is no provider 'b'", fix="add it")
    error = ConfigurationError("providers[x].base_url: not an address", others=(other,))
    problem = explained(error).problem
    assert [(one.field, one.message, one.fix) for one in problem.errors] == [
        ("providers[x].base_url", "not an address", None),
        ("models[a].provider", "there is no provider 'b'", "add it"),
    ]


def test_a_sentence_is_no_place() -> None:
    problem = explained(ConfigurationError("the file is empty: write something")).problem
    assert problem.errors[0].field == ""


def test_what_is_missing_says_what_was_asked_for() -> None:
    assert "the team 'x'" in missing("the team 'x'").problem.detail
