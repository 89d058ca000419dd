"""Batches end to end: whole services, and the vendors' own SDKs."""

import json
import os
import signal
import time

import anthropic
import openai
import pytest
from tests.end_to_end.batching import (
    ENVIRONMENT,
    anthropic_client,
    configure,
    done,
    line,
    openai_client,
    rows,
    said,
    start,
    upload,
)
from tests.end_to_end.served import Served, serving, wait_until

from faregate.simulator.service import SimulatorThread


@pytest.fixture(scope="module")
def simulator():
    with SimulatorThread(keep=10_000) as running:
        yield running


@pytest.fixture(scope="module")
def served(tmp_path_factory, simulator):
    home = tmp_path_factory.mktemp("b") / "home"
    path = configure(home.parent, simulator.base_url)
    with serving() as begin:
        yield begin(home, "--config", path, **ENVIRONMENT).ready()


def test_openais_sdk_runs_a_batch_of_three_vendors(served: Served) -> None:
    client = openai_client(served)
    lines = [line("a", "gpt"), line("b", "claude", max_tokens=20), line("c", "gemini")]
    batch_id = start(client, lines, metadata={"of": "test"})
    batch = done(client, batch_id)
    assert batch.status == "completed", batch
    assert (batch.request_counts.total, batch.request_counts.completed) == (3, 3)
    assert batch.error_file_id is None
    found = rows(client, batch.output_file_id)
    assert {name: said(row) for name, row in found.items()} == {
        "a": "from-one", "b": "from-two", "c": "from-three",
    }  # fmt: skip
    assert batch.metadata == {"of": "test"}
    assert batch.created_at <= batch.in_progress_at <= batch.completed_at
    assert batch_id in [one.id for one in client.batches.list(limit=5)]
    call_id = found["b"]["response"]["request_id"]
    told = json.loads(served.run("calls", "show", call_id, "--json").stdout)
    assert told["acting"] == f"{batch_id} line 2"
    assert (told["key_name"], told["application"]) == ("mine", "shop")
