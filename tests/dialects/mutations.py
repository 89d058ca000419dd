"""JSON that was right, with one value of it changed for another."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.just([]),
    st.just({}),
    st.just([{"type": "text"}]),
    st.just({"type": "new", "text": 1}),
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += _places(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            found += _places(inner, (*at, number))
    return found


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> bytes:
    """`document` with a value changed, left out, or beside a member that is new."""
    changed = copy.deepcopy(document)
    *way, last = draw(st.sampled_from(_places(changed)))
    holder = changed
    for step in way:
        holder = holder[step]
    kind = draw(st.sampled_from(["change", "leave out", "add"]))
    if kind == "leave out":
        del holder[last]
    elif kind == "add" and isinstance(holder, dict):
        holder["something_new"] = draw(VALUES)
    else:
        holder[last] = draw(VALUES)
    return json.dumps(changed, ensure_ascii=False).encode()
