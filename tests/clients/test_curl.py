"""curl gets whole replies, streams as they come, and understandable refusals."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.clients.gates import Address

from faregate.simulator.service import SimulatorThread

BODY = '{"model":"sim","messages":[{"role":"user","content":"hello"}]}'

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def curl(gate: Address, *arguments: str, path: str = "/v1/chat/completions") -> bytes:
    command = ["curl", "-sS", "--max-time", "20", "-H", f"Authorization: Bearer {gate.key}"]
    run = subprocess.run(
        [*command, *arguments, gate.url + path], capture_output=True, timeout=30, check=True
    )
    return run.stdout


def test_a_call_as_in_the_readme(gate: Address) -> None:
    reply = json.loads(curl(gate, "-d", BODY))
    assert reply["choices"][0]["message"]["content"]


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_a_stream_is_whole(gate: Address, version: str) -> None:
    streamed = BODY[:-1] + ',"stream":true}'
    reply = curl(gate, version, "-N", "-d", streamed)
    assert reply.endswith(b"data: [DONE]\n\n")
    assert reply == curl(gate, "--raw", "--http1.0", "-d", streamed)


def test_large_bodies_with_and_without_expect(
    gate: Address, simulator: SimulatorThread, tmp_path: Path
) -> None:
    simulator.reset()
    large = tmp_path / "large.json"
    large.write_text(BODY[:-1] + ',"padding":"' + "x" * 3_000_000 + '"}')
    packed = tmp_path / "large.json.gz"
    packed.write_bytes(gzip.compress(large.read_bytes()))
    for arguments in (
        ["--data-binary", f"@{large}"],
        ["-H", "Expect: 100-continue", "--data-binary", f"@{large}"],
        ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{large}"],
        ["-H", "Content-Encoding: gzip", "--data-binary", f"@{packed}"],
    ):
        assert json.loads(curl(gate, *arguments))["choices"]
    received = simulator.snapshot()["received"]
    assert {each["body_bytes"] for each in received} == {large.stat().st_size}


def test_a_refusal_reads_well_and_leads_somewhere(gate: Address) -> None:
    refusal = json.loads(curl(gate, "-d", BODY.replace("sim", "simm")))
    assert refusal["code"] == "model_unknown"
    assert "Did you mean 'sim'" in refusal["fixes"][0]["text"]
    assert b"What to do" in curl(gate, path=refusal["type"])
    assert curl(gate, "-I", path="/v1/models").startswith(b"HTTP/1.1 200 OK")


def test_a_cut_reply_is_an_error_for_curl(gate: Address) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        curl(gate, "-H", "X-Simulate: cut_after=30", "-d", BODY)
    assert caught.value.returncode in (18, 52, 55, 56)  # partial, empty, send or receive failed
