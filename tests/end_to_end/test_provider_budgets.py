"""An account's budget rests it for all workers, through restarts, until it is raised."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.served import Served, wait_until

from faregate.identity.keys import generate_key
from faregate.simulator.service import SimulatorThread

CONFIGURATION = """
version: 1
providers:
  - name: first
    base_url: {base_url}
    proxy: none
    budgets: [{{amount: 1, window: year}}]
  - {{name: second, base_url: "{base_url}", proxy: none}}
models:
  - {{name: small, provider: first}}
  - {{name: other, provider: second, upstream_model: small}}
virtual_models:
  - {{name: any, targets: [{{model: small}}, {{model: other}}]}}
prices:
  - {{model: small, request: 0.25}}
  - {{model: other, request: 0.25}}
keys:
  - {{name: test, secret: "${{env:TEST_KEY}}"}}
"""
KEY = generate_key()


@pytest.fixture
def configuration(tmp_path: Path):
    with SimulatorThread() as simulator:
        path = tmp_path / "faregate.yaml"
        path.write_text(CONFIGURATION.format(base_url=simulator.base_url))
        yield str(path)


def ask(served: Served, model: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    status, fields, reply = served.post("/v1/chat/completions", body, KEY)
    return status, fields, json.loads(reply)


def states(served: Served, name: str) -> list[dict[str, Any]]:
    """An account as each worker tells it."""
    workers = json.loads(served.operations("/providers")[1])["workers"]
    return [one for worker in workers for one in worker["accounts"] if one["name"] == name]


def all_are(served: Served, state: str) -> bool:
    found = states(served, "first")
    return len(found) == 2 and all(one["state"] == state for one in found)


def served_by(served: Served, name: str) -> int:
    return sum(one["served"] for one in states(served, name))


def assert_refused(served: Served) -> None:
    status, fields, reply = ask(served, "small")
    assert status == 503
    assert (reply["code"], reply["side"]) == ("provider_budget_exhausted", "operator")
    assert 1 <= int(fields["retry-after"]) <= 366 * 86_400


def test_a_budget_that_is_used_up_rests_its_account(
    serve: Callable[..., Served], home: Path, configuration: str
) -> None:
    arguments = home, "--config", configuration, "--workers", "2"
    served = serve(*arguments, TEST_KEY=KEY).ready()
    for _ in range(4):
        assert ask(served, "any")[0] == 200
    assert served_by(served, "first") == 4
    wait_until(lambda: all_are(served, "benched"), 30)

    assert ask(served, "any")[0] == 200
    assert (served_by(served, "first"), served_by(served, "second")) == (4, 1)
    assert_refused(served)
    told = served.run("providers", "status", "first").stdout
    assert "first (openai_compatible): benched (budget_exhausted: 1.00 USD for 20" in told
    assert ": $1.00 of $1.00, anew in " in told
    assert {one["failed"] for one in states(served, "first")} == {0}
    wait_until(lambda: "budget_out" in served.run("events", "list").stdout, 30)
    assert served.run("events", "list").stdout.count("budget_out") == 1

    assert served.stop() == 0
    served = serve(*arguments, TEST_KEY=KEY).ready()
    wait_until(lambda: all_are(served, "benched"), 30)
    assert_refused(served)

    text = Path(configuration).read_text().replace("amount: 1,", "amount: 10,")
    Path(configuration).write_text(text)
    applied = served.run("config", "apply", configuration)
    assert applied.returncode == 0, applied.stderr
    wait_until(lambda: all_are(served, "active"), 30)
    assert ask(served, "any")[0] == 200
    assert served_by(served, "first") == 1
