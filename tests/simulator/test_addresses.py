"""Every address leads to its endpoint, whatever vendor's prefix is before it."""

from pathlib import Path

import pytest

import faregate.simulator
from faregate.simulator.addresses import find


@pytest.mark.parametrize(
    ("path", "vendor", "names"),
    [
        ("/v1/chat/completions", "", {}),
        ("/mistral/v1/chat/completions", "mistral", {}),
        ("/deepseek/chat/completions", "deepseek", {}),
        ("/api/v1/chat/completions", "openrouter", {}),
        ("/inference/v1/chat/completions", "", {}),
        ("/openai/v1/chat/completions", "", {}),
        ("/openai/deployments/sim%3Atokens=2/chat/completions", "", {"deployment": "sim:tokens=2"}),
        ("/v1/models/a/b", "", {"model": "a/b"}),
    ],
)
def test_addresses(path, vendor, names):
    found = find(path)
    assert found is not None
    assert (found.vendor, found.names) == (vendor, names)


def test_azure_shows_itself_by_its_header():
    found = find("/openai/v1/chat/completions")
    assert found is not None
    assert (found.vendor_of({"api-key": "k"}), found.vendor_of({})) == ("azure", "")


@pytest.mark.parametrize("path", ["/", "", "/v1", "/nobody/v1/chat/completions", "*"])
def test_unknown(path):
    assert find(path) is None


def test_the_judge_shares_no_code_with_those_it_judges():
    modules = list(Path(faregate.simulator.__file__).parent.glob("*.py"))
    assert len(modules) > 30
    assert [m.name for m in modules if "from faregate.dialects" in m.read_text()] == []
