"""The gate's calls and the gate itself are what connections speak to."""

import inspect

import pytest

from faregate.gate.call import Call
from faregate.gate.gate import Gate
from faregate.net.exchange import Application, Exchange


@pytest.mark.parametrize(("port", "implementation"), [(Exchange, Call), (Application, Gate)])
def test_the_gate_takes_what_connections_say(port: type, implementation: type) -> None:
    methods = [name for name, _ in inspect.getmembers(port, inspect.isfunction) if name[0] != "_"]
    assert methods
    for name in methods:
        said = inspect.signature(getattr(port, name)).parameters
        taken = inspect.signature(getattr(implementation, name)).parameters
        assert list(said) == list(taken), name


def test_an_exchange_says_what_its_head_deserves() -> None:
    assert "refusal" in Exchange.__annotations__
    assert hasattr(Call, "refusal")
