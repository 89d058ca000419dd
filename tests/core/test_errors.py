"""An error says what is wrong and what to do, and where the mistake is written."""

import pytest

from faregate.core.errors import ConfigurationError, FaregateError, StorageError


def test_message_and_fix_are_kept_apart():
    error = FaregateError("the port is taken", fix="choose another")
    assert (str(error), error.message, error.fix) == (
        "the port is taken",
        "the port is taken",
        "choose another",
    )
    assert FaregateError("it broke").fix is None


@pytest.mark.parametrize(
    ("file", "line", "shown"),
    [
        ("faregate.yaml", 12, "faregate.yaml:12: no such field"),
        ("faregate.yaml", None, "faregate.yaml: no such field"),
        (None, None, "no such field"),
    ],
)
def test_a_configuration_error_names_its_place(file: str | None, line: int | None, shown: str):
    error = ConfigurationError("no such field", file=file, line=line)
    assert str(error) == shown
    assert error.message == "no such field"


def test_one_except_catches_them_all():
    for error in (ConfigurationError("a"), StorageError("b")):
        with pytest.raises(FaregateError):
            raise error
