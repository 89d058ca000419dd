"""A file of models is taken whole or refused with its place; abilities are words."""

import datetime as dt

import pytest

from faregate.catalogue import facts as module
from faregate.catalogue.facts import ModelFacts, abilities, read_models


def test_a_file_has_models() -> None:
    (model,) = read_models(
        b'{"version":1,"models":[{"vendor":"v","model":"m","context_tokens":9,'
        b'"prices":[{"input":1,"output":"2.50"}],"retires_on":"2027-01-31"}]}'
    )
    assert (model.context_tokens, model.retires_on) == (9, dt.date(2027, 1, 31))
    assert model.prices[0]["output"] == "2.50"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"\xff", "malformed"),
        (b"{}", "required field `models`"),
        (b'{"version":2,"models":[]}', "version"),
        (b'{"models":[{"vendor":"v"}]}', r"\$.models\[0\]"),
        (b'{"models":[{"vendor":"v","model":"m","max":1}]}', "unknown field"),
        (b'{"models":[{"vendor":"v","model":"m","features":["flying"]}]}', "flying"),
        (b'{"models":[{"vendor":"v","model":"m","retires_on":"soon"}]}', "date"),
        (b"[" * 100_000, "recursion|Expected"),
    ],
)
def test_another_file_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){reason}"):
        read_models(data)


def test_a_file_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 3)
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_models(b'{"models":[]}')


def test_abilities_are_what_is_said() -> None:
    facts = ModelFacts(
        vendor="v",
        model="m",
        operation="generate",
        inputs=("text", "image", "audio"),
        outputs=("text",),
        features=("tools",),
    )
    assert facts.abilities == {
        "generate", "tools", "vision", "audio", "text_input", "image_input", "audio_input",
        "text_output",
    }  # fmt: skip
    assert facts.abilities < abilities()
    assert ModelFacts(vendor="v", model="m").abilities == frozenset()


def test_the_newest_price_that_has_begun_counts() -> None:
    old, new = {"input": "1"}, {"input": "2", "from_time": "2026-03-13T00:00:00Z"}
    facts = ModelFacts(vendor="v", model="m", prices=(new, old))
    assert facts.price_on(dt.date(2026, 3, 12)) == old
    assert facts.price_on(dt.date(2026, 3, 13)) == new
    assert ModelFacts(vendor="v", model="m", prices=(new,)).price_on(dt.date(2026, 1, 1)) is None
