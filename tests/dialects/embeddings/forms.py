"""Requests and replies of embeddings, generated."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from faregate.dialects.embeddings.neutral import EmbedReply, EmbedRequest, Image, Mixed, Tokens
from faregate.dialects.translation import TargetFacts
from faregate.dialects.usage import Usage
from faregate.dialects.whole_translation import AskedWhole

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PIXELS = "data:image/png;base64,iVBORw0KGgo="
IMAGES = st.sampled_from([PIXELS, "https://example.com/a.png"]).map(Image)
TOKENS = st.lists(st.integers(0, 200_000), min_size=1, max_size=5).map(
    lambda ids: Tokens(tuple(ids))
)
MIXED = st.lists(TEXTS | IMAGES, min_size=1, max_size=3).map(lambda parts: Mixed(tuple(parts)))
NUMBERS = st.floats(-10, 10, width=32).filter(lambda number: number == number)


@dataclass(frozen=True)
class Place:
    """A dialect, and the neutral features that it carries."""

    dialect: Any
    features: frozenset[str]
    target: TargetFacts


def requests(place: Place, inputs: st.SearchStrategy[Any] = TEXTS) -> st.SearchStrategy[Any]:
    """Requests that a dialect carries whole."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "dimensions": st.none() | st.integers(1, 4096),
        "user": st.none() | TEXTS,
        "title": st.none() | TEXTS,
        "truncate.end": st.sampled_from([None, "none", "end"]),
        "truncate": st.sampled_from([None, "none", "start", "end"]),
        "others": st.dictionaries(st.sampled_from(["x", "options"]), TEXTS, max_size=2),
    }
    given = {
        name.partition(".")[0]: strategy
        for name, strategy in values.items()
        if name in place.features
    }
    each = st.lists(inputs, min_size=1, max_size=4).map(tuple)
    origin = place.dialect.name
    return st.builds(EmbedRequest, model=st.just("m"), origin=st.just(origin), inputs=each, **given)


VECTORS = st.integers(1, 4).flatmap(
    lambda length: st.lists(
        st.lists(NUMBERS, min_size=length, max_size=length), min_size=1, max_size=4
    ).map(tuple)
)
REPLIES = st.builds(
    EmbedReply,
    vectors=st.fixed_dictionaries({"float": VECTORS}),
    usage=st.builds(Usage, input_tokens=st.integers(0, 10**9)),
)


def asked(request: EmbedRequest) -> AskedWhole[EmbedRequest]:
    """A call."""
    return AskedWhole(request=request, call_id="call_1", now_s=1_700_000_000)


def plain(*inputs: Any, **more: Any) -> EmbedRequest:
    """A request from no dialect."""
    return EmbedRequest(model="m", origin="another", inputs=inputs or ("a",), **more)


def losses(written: Any) -> list[str]:
    """The names of what is lost."""
    return [one.name for one in written.lost]
