"""Names can be written anywhere, a path and a header included, without quoting."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.configuration.names import ModelName, Name


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True))
def test_names(name: str) -> None:
    assert msgspec.convert(name, Name) == name
    assert msgspec.convert(name, ModelName) == name


@pytest.mark.parametrize("name", ["", ".a", "-a", "a b", "a\n", "a" * 64, "a:b", "ä", "${env:A}"])
def test_no_names(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, Name)


@pytest.mark.parametrize("name", ["meta/llama-3:8b", "a@b+c", "a" * 200])
def test_model_names(name: str) -> None:
    assert msgspec.convert(name, ModelName) == name


@pytest.mark.parametrize("name", ["", "/a", "a" * 201, "a b", "a\n", "a?b", "modèle"])
def test_no_model_names(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, ModelName)
