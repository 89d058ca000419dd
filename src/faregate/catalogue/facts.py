"""What is known of a vendor's model, and a file of such.

The shape of facts.json, and of the file that `settings.catalogue.file` names.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

Modality = Literal["text", "image", "audio", "video", "document"]
Feature = Literal[
    "tools", "parallel_tools", "structured_output", "reasoning", "prompt_cache", "web_search",
    "computer_use",
]  # fmt: skip
Operation = Literal[
    "generate", "embeddings", "rerank", "images", "speech", "transcriptions", "moderations",
    "realtime",
]  # fmt: skip
PriceEntry = Mapping[str, Any]  # an item of `prices` in faregate.yaml, without its model
FILE_BYTES_MAX: Final = 32 * 1024 * 1024


class ModelFacts(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is known of a model at a vendor; what is absent is not known.

    `vendor` is the name of our row, or genai-prices' name of one that we have no row for.
    `prices` are in the shape of faregate.yaml. `shows_reasoning` is false where it is billed for
    tokens that it doesn't send. After `retires_on` the vendor refuses calls. `sources` name a
    page, or the package that a fact was taken from.
    """

    vendor: str
    model: str
    title: str | None = None
    aliases: tuple[str, ...] = ()
    operation: Operation | None = None
    context_tokens: int | None = None
    output_tokens_max: int | None = None
    inputs: tuple[Modality, ...] = ()
    outputs: tuple[Modality, ...] = ()
    features: tuple[Feature, ...] = ()
    shows_reasoning: bool | None = None
    tokenizer: Literal["cl100k_base", "o200k_base"] | None = None
    prices: tuple[PriceEntry, ...] = ()
    deprecated: bool | None = None
    deprecated_on: dt.date | None = None
    retires_on: dt.date | None = None
    sources: tuple[str, ...] = ()

    @property
    def abilities(self) -> frozenset[str]:
        """What it can, in the words that `Library.search` takes."""
        told = {*self.features, *(f"{name}_input" for name in self.inputs)}
        told |= {f"{name}_output" for name in self.outputs}
        if "image" in self.inputs:
            told.add("vision")
        if "audio" in self.inputs or "audio" in self.outputs:
            told.add("audio")
        if self.operation is not None:
            told.add(self.operation)
        return frozenset(told)

    def price_on(self, day: dt.date) -> PriceEntry | None:
        """The newest price that has begun on a day."""
        begun = [price for price in self.prices if _begins(price) <= day]
        return max(begun, key=_begins, default=None)


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    models: tuple[ModelFacts, ...]
    version: Literal[1] = 1


def read_models(data: bytes) -> tuple[ModelFacts, ...]:
    """The models of a file in the shape of facts.json.

    Raises `ValueError` with the place and the reason.
    """
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"it has more than {FILE_BYTES_MAX:,} bytes")
    try:
        return msgspec.json.decode(data, type=_Facts).models
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def abilities() -> frozenset[str]:
    """All words that `Library.search` takes."""
    every = ModelFacts(
        vendor="",
        model="",
        inputs=_words(Modality),
        outputs=_words(Modality),
        features=_words(Feature),
    )
    return every.abilities | frozenset(_words(Operation))


def _words(literal: Any) -> Any:
    return literal.__args__


def _begins(price: PriceEntry) -> dt.date:
    begins = price.get("from_time")
    return dt.date.fromisoformat(begins[:10]) if begins else dt.date.min
