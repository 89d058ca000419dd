"""Each vendor's SDK, in its own environment, calls models of other vendors; `make sdks` shows all.

What is here is the part that a few seconds are enough for, beside making the environments once.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sdks import matrix
from tests.sdks.environments import environments
from tests.sdks.matrix import ERRORS, SDKS
from tests.sdks.table import judged, page
from tests.sdks.world import World, world

BACK_ENDS = ("openai", "anthropic", "gemini", "bedrock")
CASES = ("chat", "stream", "tools", "structured")
MAKING_S_MAX = 900  # environments, at the first time


@pytest.fixture(scope="module")
def place() -> Iterator[World]:
    with world() as started:
        yield started


@pytest.mark.timeout(MAKING_S_MAX)
def test_every_sdk_has_its_environment() -> None:
    pythons = environments()
    assert set(pythons) == set(SDKS)
    assert all(python.exists() for python in pythons.values())


@pytest.fixture(scope="module")
def pythons() -> dict[str, Path]:
    return environments()


@pytest.mark.timeout(MAKING_S_MAX)
@pytest.mark.parametrize("name", SDKS)
def test_an_sdk_gets_on_with_other_vendors(
    place: World, pythons: dict[str, Path], name: str
) -> None:
    calls = [
        (surface.name, case, back_end)
        for surface in SDKS[name]
        for back_end in BACK_ENDS
        for case in surface.cases
        if case in CASES
    ]
    calls += [(surface.name, case, "openai") for surface in SDKS[name] for case in ERRORS]
    told = matrix.run(name, pythons[name], place, calls)
    assert {call: wrong for call, wrong in judged(name, told).items() if wrong} == {}
    assert all(f"| {surface.title} |" in page({name: told}) for surface in SDKS[name])


def test_a_wrong_answer_is_seen() -> None:
    [surface, _] = SDKS["openai"]
    right = {"text": matrix.TEXT, "finish": "stop", "input": 3, "output": 3, "pieces": 4}
    assert matrix.problems(surface, "stream", "gemini", right) == []
    for wrong in ({"text": "other"}, {"finish": "length"}, {"input": None}, {"pieces": 1}):
        assert matrix.problems(surface, "stream", "gemini", right | wrong)
    call = {"name": "get_weather", "arguments": {"city": 'Köln "Süd"'}, "id": "call_1"}
    told = {"calls": [call], "finish": "tool_calls", "text": "It said: 22 degrees"}
    assert matrix.problems(surface, "tools", "gemini", told) == []
    for more in ({"calls": []}, {"calls": [call | {"arguments": {}}]}, {"text": ""}):
        assert matrix.problems(surface, "tools", "gemini", told | more)
    refused = {"exception": "NotFoundError", "status": 404, "code": "model_unknown", "base": True}
    assert matrix.problems(surface, "unknown model", "openai", refused) == []
    assert matrix.problems(surface, "bad key", "openai", refused)
