"""The examples of the client's guide do what they say, against a real gate and a real API."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.refused_world import COMMERCE, url_of
from tests.client.served_api import served_api, token_of_owner
from tests.gate.running import running

from faregate.core.money import parse_amount

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "python-client.md"
EXAMPLES = re.findall(r"^```py\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
SMALL: dict[str, Any] = {
    "models": [{"name": "small", "provider": "simulated", "upstream_model": "sim"}],
    "prices": [{"model": "small", "input": "2.50", "output": "10"}],
}
SAID = (
    r"call_too_large 0\.60\S* 0\.1\d* \d+",
    r"again with max_tokens=\d+",
    r".+",
    r"test 0\.[01]\S*\nsteady \d of 5 requests until .*",
    r"fg_\w+\nnotebook active\n409 \w+ \[.*\]",
    r"\[Change\(.*'drop'.*\)\]\nTeamSettings\(.*unsupported='drop'.*\)",
)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[None]:
    """What the guide's variables name."""
    async with running(commerce=COMMERCE | SMALL) as place:
        place.ledger.grant("main", parse_amount("0.11"))
        with served_api(tmp_path / "home") as served:
            for name, value in {
                "FAREGATE_URL": url_of(place),
                "FAREGATE_API_KEY": place.key,
                "FAREGATE_MANAGEMENT_URL": served.url,
                "FAREGATE_TOKEN": token_of_owner(served),
            }.items():
                monkeypatch.setenv(name, value)
            yield


def run(example: str) -> None:
    """An example as a program of its own."""
    exec(compile(example, str(GUIDE), "exec"), {"__name__": "__main__"})


async def test_every_example(world: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLES) == len(SAID)
    for example, said in zip(EXAMPLES, SAID, strict=True):
        capsys.readouterr()
        await asyncio.to_thread(run, example)
        printed = capsys.readouterr().out.strip()
        assert re.fullmatch(said, printed, re.DOTALL), printed
