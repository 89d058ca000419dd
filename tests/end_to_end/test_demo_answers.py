"""One command starts the demo, and a real model answers through the gate, in every way of asking.

These tests share one running demo.
"""

import asyncio
import json
import shlex
import stat
import subprocess

import openai
import pytest

QUESTION = "What is the capital of France?"
MESSAGES = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def client(demo):
    values = demo.demo
    with openai.OpenAI(
        base_url=values["OPENAI_BASE_URL"], api_key=values["OPENAI_API_KEY"]
    ) as client:
        yield client


def test_the_printed_curl_line_works_when_pasted(demo) -> None:
    [line] = [line for line in demo.log.splitlines() if line.startswith("curl ")]
    reply = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True
    )
    assert "Paris" in json.loads(reply.stdout)["choices"][0]["message"]["content"]


def test_what_is_printed_is_true(demo) -> None:
    values = demo.demo
    assert values["FAREGATE_URL"] == demo.url
    for text in (demo.url, values["FAREGATE_API_KEY"], str(demo.home), "Ctrl-C"):
        assert text in demo.log
    assert stat.S_IMODE((demo.home / "demo.env").stat().st_mode) == 0o600


@pytest.mark.parametrize("model", ["smollm2", "demo"])
def test_paris_twenty_times_through_the_gate(client, model) -> None:
    for _ in range(10):
        reply = client.chat.completions.create(model=model, messages=MESSAGES)
        assert "Paris" in reply.choices[0].message.content
        assert reply.usage.completion_tokens > 0


def test_the_openai_sdk_streams(client) -> None:
    stream = client.chat.completions.create(model="smollm2", messages=MESSAGES, stream=True)
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Paris" in text
    assert all(chunk.usage is None for chunk in chunks)  # it wasn't asked for
    usage = list(
        client.chat.completions.create(
            model="smollm2",
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )[-1].usage
    assert usage.completion_tokens > 0


async def test_the_asynchronous_sdk_works_too(demo) -> None:
    values = demo.demo
    async with openai.AsyncOpenAI(
        base_url=values["OPENAI_BASE_URL"], api_key=values["OPENAI_API_KEY"]
    ) as client:
        replies = await asyncio.gather(
            *(client.chat.completions.create(model="smollm2", messages=MESSAGES) for _ in range(6))
        )
        assert all("Paris" in reply.choices[0].message.content for reply in replies)
        stream = await client.chat.completions.create(
            model="smollm2", messages=MESSAGES, stream=True
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "Paris" in "".join(pieces)


def test_models_are_listed(client) -> None:
    assert "smollm2" in [model.id for model in client.models.list()]


def test_an_unknown_key_is_refused_and_the_sdk_understands(demo) -> None:
    client = openai.OpenAI(base_url=demo.demo["OPENAI_BASE_URL"], api_key="fg_wrong")
    with client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(model="smollm2", messages=MESSAGES)
    assert caught.value.code == "key_unknown"
    status, headers, body = demo.post("/v1/chat/completions", {"model": "x"}, key="fg_wrong")
    assert status == 401
    assert json.loads(body)["call_id"] == headers["faregate-call-id"]


def test_call_from_the_terminal_and_see_it_in_the_call_log(demo) -> None:
    called = demo.run("call", QUESTION, "--model", "smollm2")
    assert called.returncode == 0, called.stderr
    assert "Paris" in called.stdout
    call_id = called.stderr.split()[1]
    shown = demo.run("calls", "show", call_id, "--json")
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout)
    assert record["call_id"] == call_id
    assert record["model_served"] == "smollm2"


def test_a_refused_call_from_the_terminal_says_what_to_do(demo) -> None:
    called = demo.run("call", QUESTION, "--model", "no-such-model")
    assert called.returncode == 1
    assert "model_unknown" in called.stderr
    assert "fix: " in called.stderr


def test_status_tells_what_runs(demo) -> None:
    shown = demo.run("status", "--json")
    facts = json.loads(shown.stdout)
    assert shown.returncode == 0
    assert facts["ready"] is True
    assert facts["url"] == demo.url
    assert facts["revision"] >= 1
    assert sorted(p["role"] for p in facts["processes"]) == [
        "batches", "clerk", "control", "gate", "model",
    ]  # fmt: skip


def test_calls_are_counted(demo, client) -> None:
    client.chat.completions.create(model="smollm2", messages=MESSAGES)
    status, page = demo.operations("/metrics")
    assert status == 200
    lines = page.decode().splitlines()
    calls = [float(row.split()[-1]) for row in lines if row.startswith("faregate_calls_total{")]
    tokens = [row for row in lines if row.startswith("faregate_tokens_total{")]
    assert sum(calls) > 0
    assert any('model="smollm2"' in row and 'kind="output"' in row for row in tokens)


def test_demo_env_can_be_sourced_by_a_shell(demo) -> None:
    path = shlex.quote(str(demo.home / "demo.env"))
    result = subprocess.run(
        ["sh", "-c", f"set -a; . {path}; set +a; env"],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert f"OPENAI_BASE_URL={demo.url}/v1" in result.stdout.splitlines()
