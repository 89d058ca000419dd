"""Documents with one or two places changed into something else."""

import copy
from typing import Any

from hypothesis import strategies as st

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, "", "x", [], {}, [[]], [{}], {"a": []}, ["x"], [None]]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for name, one in value.items():
            found += _places(one, (*path, name))
    elif isinstance(value, list):
        for at, one in enumerate(value):
            found += _places(one, (*path, at))
    return found


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """The document with one or two values that are not what they should be."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        places = _places(changed)
        if not places:
            break
        path = draw(st.sampled_from(places))
        holder = changed
        for step in path[:-1]:
            holder = holder[step]
        if draw(st.booleans()):
            holder[path[-1]] = copy.deepcopy(draw(ODD))
        elif isinstance(holder, dict):
            del holder[path[-1]]
    return changed
