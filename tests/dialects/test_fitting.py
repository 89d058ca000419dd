"""What a target can't say is told, but not what asks for nothing."""

from faregate.dialects.fitting import fitted
from faregate.dialects.neutral.request import Request, Tool
from faregate.dialects.translation import TargetFacts

TARGET = TargetFacts(model="m", unsupported=frozenset(("seed", "tools", "max_tokens_unknown")))


def test_what_cannot_be_said_is_told() -> None:
    lost: dict[str, str] = {}
    tools = (Tool(name="f"),)
    request = Request(model="m", messages=(), seed=1, user="u", tools=tools, temperature=0.5)
    found = fitted(request, TARGET, {"user": "It has no users."}, lost)
    assert found == Request(model="m", messages=(), temperature=0.5)
    assert set(lost) == {"seed", "user", "tools"}
    assert lost["user"] == "It has no users."


def test_what_asks_for_nothing_is_no_loss() -> None:
    lost: dict[str, str] = {}
    request = Request(model="m", messages=(), n=1, logprobs=False, store=False, metadata={})
    nowhere = dict.fromkeys(("n", "logprobs", "store", "metadata"), "No.")
    assert fitted(request, TARGET, nowhere, lost) == Request(model="m", messages=())
    assert lost == {}


def test_a_request_that_fits_is_the_same() -> None:
    request = Request(model="m", messages=(), temperature=1.0)
    assert fitted(request, TARGET, {"user": "No."}, {}) is request
