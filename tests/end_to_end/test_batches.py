"""Batches end to end: whole services, and the vendors' own SDKs."""

import contextlib
import json
import os
import signal
from collections import Counter

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
from faregate.storage.call_log import CallLog
from faregate.storage.home import Home


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


def test_openais_sdk_keeps_files_that_only_its_application_sees(served: Served) -> None:
    mine, ours, theirs = (
        openai_client(served, key) for key in ("TEST_KEY", "TEST_OURS", "TEST_THEIRS")
    )
    data = b"some \r\n bytes \x00" * 50_000
    made = mine.files.create(
        file=("notes.txt", data),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 7_200},
    )
    assert (made.bytes, made.filename, made.purpose) == (len(data), "notes.txt", "user_data")
    assert made.expires_at == made.created_at + 7_200
    for client in (mine, ours):
        assert client.files.retrieve(made.id) == made
        assert client.files.content(made.id).read() == data
        assert made.id in [file.id for file in client.files.list(purpose="user_data")]
    assert [file.id for file in theirs.files.list()] == []
    for forbidden in (theirs.files.retrieve, theirs.files.content, theirs.files.delete):
        with pytest.raises(openai.NotFoundError) as caught:
            forbidden(made.id)
        assert caught.value.code == "file_unknown"
    assert ours.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        mine.files.retrieve(made.id)


def test_what_is_wrong_with_an_input_is_told_by_its_lines(served: Served) -> None:
    client = openai_client(served)
    wrong = [
        line("a", "gpt"),
        line("a", "gpt"),
        line("b", "hidden"),
        line("c", "gpt") | {"url": "/v1/embeddings"},
        line("d", "gpt", stream=True),
    ]
    batch = done(client, start(client, wrong))
    assert batch.status == "failed"
    assert [(error.line, error.code) for error in batch.errors.data] == [
        (2, "duplicate_custom_id"),
        (3, "model_not_found"),
        (4, "url_mismatch"),
        (5, "invalid_request"),
    ]
    with pytest.raises(openai.BadRequestError):
        client.batches.create(
            input_file_id=upload(client, wrong), endpoint="/v1/nowhere", completion_window="24h"
        )
    with pytest.raises(openai.NotFoundError):
        client.batches.create(
            input_file_id="file-none", endpoint="/v1/responses", completion_window="24h"
        )


def test_anthropics_sdk_runs_a_batch_of_three_vendors(served: Served) -> None:
    client, theirs = anthropic_client(served), anthropic_client(served, "TEST_THEIRS")
    models = ("gpt", "claude", "gemini", "hidden")
    asked = {"max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
    made = client.messages.batches.create(
        requests=[{"custom_id": name, "params": {"model": name, **asked}} for name in models]
    )
    assert (made.processing_status, made.request_counts.processing) == ("in_progress", 4)
    retrieve = client.messages.batches.retrieve
    wait_until(lambda: retrieve(made.id).processing_status == "ended")
    batch = retrieve(made.id)
    assert (batch.request_counts.succeeded, batch.request_counts.errored) == (3, 1)
    results = {one.custom_id: one.result for one in client.messages.batches.results(made.id)}
    words = {
        name: result.message.content[0].text
        for name, result in results.items()
        if result.type == "succeeded"
    }
    assert words == {"gpt": "from-one", "claude": "from-two", "gemini": "from-three"}
    assert results["hidden"].error.error.type == "permission_error"
    assert made.id in [one.id for one in client.messages.batches.list(limit=2)]
    with pytest.raises(anthropic.NotFoundError):
        theirs.messages.batches.retrieve(made.id)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.batches.cancel(made.id)
    assert caught.value.status_code == 409
    assert client.messages.batches.delete(made.id).id == made.id
    with pytest.raises(anthropic.NotFoundError):
        retrieve(made.id)


def test_a_batch_is_cancelled_between_its_lines(served: Served) -> None:
    client = openai_client(served)
    batch_id = start(client, [line(f"n{number}", "slow") for number in range(200)])
    wait_until(lambda: client.batches.retrieve(batch_id).request_counts.completed > 8)
    assert client.batches.cancel(batch_id).status == "cancelling"
    batch = done(client, batch_id)
    assert batch.status == "cancelled"
    good, bad = rows(client, batch.output_file_id), rows(client, batch.error_file_id)
    assert len(good) == batch.request_counts.completed
    assert len(good) + len(bad) == 200
    assert {row["error"]["code"] for row in bad.values()} == {"batch_cancelled"}
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch_id)


def test_without_credit_a_batch_stops_and_says_the_way_out(served: Served) -> None:
    client = openai_client(served, "TEST_PAYING")
    batch = done(client, start(client, [line(f"n{number}", "paid") for number in range(15)]))
    assert batch.status == "failed"
    [error] = batch.errors.data
    assert error.code == "credit_exhausted"
    assert "Top up" in error.message
    assert batch.request_counts.completed == 10  # of 0.10 USD at 0.01 each
    assert len(rows(client, batch.output_file_id)) == 10
    assert len(rows(client, batch.error_file_id)) == 5


@pytest.mark.parametrize("role", ["batches", "gate"])
def test_no_line_is_lost_or_charged_twice_when_a_process_is_killed(
    role: str, tmp_path, simulator
) -> None:
    path = configure(tmp_path, simulator.base_url, credit="10")
    count = 40
    with serving() as begin:
        served = begin(tmp_path / "home", "--config", path, **ENVIRONMENT).ready()
        client = openai_client(served, "TEST_PAYING", retries=8)
        lines = [line(f"n{number}", "dear") for number in range(count)]
        for number, one in enumerate(lines):
            one["body"]["messages"][0]["content"] = f"{role} {number}"
        batch_id = start(client, lines)
        wait_until(lambda: client.batches.retrieve(batch_id).request_counts.completed >= 8)
        [pid] = served.pids(role)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: served.pids("gate"))
        batch = done(client, batch_id, 30)
        assert batch.status == "completed"
        good, bad = rows(client, batch.output_file_id), rows(client, batch.error_file_id)
        assert set(good) | set(bad) == {f"n{number}" for number in range(count)}
        assert not set(good) & set(bad)
        assert {row["error"]["code"] for row in bad.values()} <= {"batch_line_lost"}
        assert 0 < len(bad) <= 8  # those that were under way
        received = [
            text
            for one in simulator.snapshot()["received"]
            if (text := json.dumps(one)) and f'"{role} ' in text.replace("\\", "")
        ]
        assert len(received) == count  # each line once
        charged = _charges(served, batch_id)
        assert all(number == 1 for number in charged.values())
        print(f"{role}: {len(good)} answered, {len(bad)} lost, {len(charged)} charged")
        assert len(good) <= len(charged) <= count


def _charges(served: Served, batch_id: str) -> Counter[str]:
    """How many calls of each line were charged, once all of them have ended."""
    home = Home(served.home)
    with contextlib.closing(CallLog(home.journal, home.calls_database)) as log:
        wait_until(lambda: all(one.state == "closed" for one in log.recent(10_000)))
        return Counter(
            one.acting
            for one in log.recent(10_000)
            if one.acting.startswith(batch_id) and one.charge is not None and one.charge.charge_nano
        )
