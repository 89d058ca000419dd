"""The catalogue fills what a document doesn't say, once, and never changes what it filled."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from faregate.catalogue.facts import ModelFacts
from faregate.catalogue.library import Library
from faregate.configuration.commerce import Price
from faregate.configuration.completion import completed, open_library, pinned, retirements
from faregate.configuration.difference import difference
from faregate.configuration.document import Document, Model, Provider
from faregate.configuration.export import export
from faregate.configuration.load import load
from faregate.configuration.pins import Pin
from faregate.configuration.pricing import compile_prices
from faregate.configuration.settings import CreditSettings, Settings
from faregate.core.errors import ConfigurationError
from faregate.dialects.usage import Usage

FACTS = ModelFacts(
    vendor="openai",
    model="big",
    context_tokens=1_000,
    output_tokens_max=100,
    shows_reasoning=False,
    tokenizer="o200k_base",
    prices=({"input": "2", "output": 8, "images": {"hd": 0.08}},),
    retires_on=dt.date(2027, 1, 31),
    sources=("a page",),
)
DEARER = msgspec.structs.replace(FACTS, prices=({"input": "3", "output": "9"},))
DOCUMENT = Document(
    providers=(
        Provider(name="ours", vendor="openai"),
        Provider(name="local", vendor="llama_cpp", base_url="http://127.0.0.1:1/v1"),
    ),
    models=(
        Model(name="fast", provider="ours", upstream_model="big"),
        Model(name="home", provider="local", upstream_model="big"),
        Model(name="lost", provider="gone"),
    ),
)
SAID = Price(model="fast", input=Decimal(1), output=Decimal(1))


def library(*facts: ModelFacts) -> object:
    return lambda file: Library(facts)


def pins_of(document: Document, *facts: ModelFacts) -> Document:
    return pinned(document, library(*facts))  # type: ignore[arg-type]


def with_setting(document: Document, priced: bool) -> Document:
    settings = Settings(credit=CreditSettings(catalogue_prices=priced))
    return msgspec.structs.replace(document, settings=settings)


def test_a_model_of_the_catalogue_has_a_pin() -> None:
    (pin,) = pins_of(DOCUMENT, FACTS).catalogue
    assert pin == Pin(
        model="fast",
        of="openai/big",
        source="a page",
        prices=(
            Price(
                model="fast",
                input=Decimal(2),
                output=Decimal(8),
                images={"hd": Decimal("0.08")},
            ),
        ),
        context_tokens=1_000,
        output_tokens_max=100,
        hidden_reasoning=True,
        tokenizer="o200k_base",
        retires_on="2027-01-31",
    )


def test_it_fills_what_isnt_said() -> None:
    filled = completed(pins_of(DOCUMENT, FACTS))
    fast, home, lost = filled.models
    assert (fast.output_tokens_max, fast.hidden_reasoning) == (100, True)
    assert fast.tokenizer == "o200k_base"
    assert (home, lost) == DOCUMENT.models[1:]
    assert [(pin.model, pin.prices) for pin in filled.catalogue] == [("fast", ())]
    assert completed(filled) == filled
    charge = compile_prices(filled).fare("fast", None, 0).charge
    assert charge is not None
    assert charge.price(Usage(1_000_000, 0)) == 2 * 10**9
    assert compile_prices(filled).fare("home", None, 0).charge is None


def test_what_is_said_comes_first() -> None:
    model = Model(
        name="fast",
        provider="ours",
        upstream_model="big",
        output_tokens_max=7,
        hidden_reasoning=False,
        tokenizer="cl100k_base",
    )
    said = msgspec.structs.replace(DOCUMENT, models=(model,), prices=(SAID,))
    filled = completed(pins_of(said, FACTS))
    assert filled.models == (model,)
    assert filled.prices == (SAID,)


def test_a_pin_stays_while_its_model_does() -> None:
    first = pins_of(DOCUMENT, FACTS)
    assert pins_of(first, DEARER) == first
    assert pins_of(msgspec.structs.replace(first, catalogue=()), DEARER) != first
    other = Model(name="fast", provider="ours", upstream_model="bigger")
    renamed = msgspec.structs.replace(first, models=(other,))
    assert pins_of(renamed, FACTS).catalogue == ()
    assert pins_of(msgspec.structs.replace(first, models=()), FACTS).catalogue == ()


def test_prices_of_the_catalogue_can_be_switched_off_and_on() -> None:
    off = pins_of(with_setting(DOCUMENT, False), FACTS)
    assert off.catalogue[0].prices == ()
    assert completed(off).prices == ()
    assert completed(off).models[0].output_tokens_max == 100
    again = pins_of(with_setting(off, True), FACTS)
    assert again.catalogue[0].prices


def test_nothing_is_loaded_that_isnt_needed() -> None:
    def refuse(file: str | None) -> Library:
        raise AssertionError(file)

    first = pins_of(DOCUMENT, FACTS)
    only = msgspec.structs.replace(first, models=DOCUMENT.models[:1])
    assert pinned(only, refuse).catalogue == first.catalogue


def test_a_change_of_the_catalogue_is_told() -> None:
    before, after = pins_of(DOCUMENT, FACTS), pins_of(DOCUMENT, DEARER)
    told = [str(change) for change in difference(before, after)]
    assert "~ catalogue[fast].prices[fast].input: 2 -> 3" in told
    added = [str(change) for change in difference(DOCUMENT, before)]
    assert "+ catalogue[fast].source: a page" in added


def test_an_export_keeps_it() -> None:
    document = msgspec.structs.replace(
        DOCUMENT,
        models=DOCUMENT.models[:1],
        providers=(Provider(name="ours", vendor="openai", base_url="https://a.example/v1"),),
    )
    first = pins_of(document, FACTS)
    again = load(export(first), environment={})
    assert again.catalogue == first.catalogue


def test_pins_are_checked_like_prices() -> None:
    text = export(pins_of(DOCUMENT, FACTS)).replace("output: 8", "output: -8")
    with pytest.raises(ConfigurationError, match="below zero"):
        load(text, environment={})


@pytest.mark.parametrize(
    ("today", "told"),
    [
        (dt.date(2026, 11, 1), []),
        (dt.date(2026, 11, 2), ["in 90 days"]),
        (dt.date(2027, 1, 30), ["in 1 day"]),
        (dt.date(2027, 1, 31), ["was retired"]),
    ],
)
def test_retirements_are_told_in_time(today: dt.date, told: list[str]) -> None:
    sentences = list(retirements(pins_of(DOCUMENT, FACTS), today))
    assert len(sentences) == len(told)
    assert all(part in sentence for part, sentence in zip(told, sentences, strict=True))


def test_a_file_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text(
        '{"models":[{"vendor":"openai","model":"gpt-4.1","prices":[{"input":7,"output":9}]}]}'
    )
    found = open_library(str(file)).find("openai", "gpt-4.1")
    assert found is not None
    assert found.prices == ({"input": 7, "output": 9},)
    assert found.context_tokens is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "can't be read"),
        ("nonsense", "is no catalogue"),
        ('{"models":[{"vendor":"v","model":"m","prices":[{"inptu":1}]}]}', "v/m.*inptu"),
        ('{"models":[{"vendor":"v","model":"m","prices":[{"input":"x"}]}]}', "v/m"),
        ('{"models":[{"vendor":"v","model":"m","prices":[{"request":-1}]}]}', "below zero"),
        ('{"models":[{"vendor":"v","model":"m","prices":[{"input":1}]}]}', "output is missing"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str | None, reason: str) -> None:
    file = tmp_path / "models.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"settings.catalogue.file: .*{reason}"):
        open_library(str(file))
