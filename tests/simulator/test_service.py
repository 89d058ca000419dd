"""The simulator runs in a loop, a thread or a process, serves real clients, and ends when told."""

import contextlib
import os
import signal
import socket

import openai
import pytest

from faregate.core.errors import FaregateError
from faregate.simulator.service import Simulator, SimulatorProcess, SimulatorThread

HELLO = [{"role": "user", "content": "hello"}]


def sdk(simulator, key="any"):
    return openai.OpenAI(base_url=simulator.base_url, api_key=key, max_retries=0)


async def test_the_sdk_in_the_same_loop():
    async with Simulator() as simulator:
        client = openai.AsyncOpenAI(base_url=simulator.base_url, api_key="any", max_retries=0)
        reply = await client.chat.completions.create(model="sim:text=Paris.", messages=HELLO)
        assert reply.choices[0].message.content == "Paris."
        stream = await client.chat.completions.create(
            model="sim:tokens=3", messages=HELLO, stream=True
        )
        words = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(words) == "The gate opens"
        await client.close()


def test_the_sdk_and_a_thread():
    with SimulatorThread(key="sk-1") as simulator:
        client = sdk(simulator, "sk-1")
        assert len(client.embeddings.create(model="sim", input=["a", "b"]).data) == 2
        assert client.completions.create(model="sim", prompt="a").choices[0].text
        assert client.models.retrieve("gpt-4o").id == "gpt-4o"
        with pytest.raises(openai.AuthenticationError):
            sdk(simulator, "sk-2").models.list()
        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="sim:error=quota", messages=HELLO)
        assert caught.value.code == "insufficient_quota"
        assert simulator.snapshot()["requests"] == 5
        simulator.reset()
        assert simulator.snapshot()["requests"] == 0


def test_cancellation_can_be_waited_for_from_outside():
    with SimulatorThread() as simulator:
        stream = sdk(simulator).chat.completions.create(
            model="sim:stall_after=2", messages=HELLO, stream=True
        )
        next(iter(stream))
        stream.close()
        found = simulator.wait(cancelled=1)
        assert found["received"][-1]["state"] == "cancelled"
        with pytest.raises(TimeoutError):
            simulator.wait(timeout_s=0.05, cancelled=2)


def test_a_process_serves_and_ends():
    with SimulatorProcess(script="text=from%20the%20child") as simulator:
        reply = sdk(simulator).chat.completions.create(model="any", messages=HELLO)
        assert reply.choices[0].message.content == "from the child"
        pid = simulator.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_process_drains_what_is_in_flight():
    with SimulatorProcess() as simulator:
        stream = sdk(simulator).chat.completions.create(
            model="sim:tokens=10,token_ms=20", messages=HELLO, stream=True
        )
        chunks = iter(stream)
        next(chunks)
        os.kill(simulator.pid, signal.SIGTERM)
        assert sum(1 for chunk in chunks if chunk.choices[0].delta.content) == 10


async def test_closing_ends_a_stalled_call():
    simulator = await Simulator().start()
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as peer:
        peer.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        await simulator.wait(requests=1)
        await simulator.close(grace_s=0.01)
        peer.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(10) == b""


async def test_a_taken_port_is_one_clear_line():
    async with Simulator() as simulator:
        with pytest.raises(FaregateError) as caught:
            await Simulator().start(port=simulator.port)
    assert f"127.0.0.1:{simulator.port}" in caught.value.message
    assert "--port" in (caught.value.fix or "")


def test_a_wrong_default_is_refused_at_once():
    with pytest.raises(FaregateError, match="Did you mean 'tokens'"):
        Simulator(script="token=1")


def test_uvloop_resets_and_waits_for_readers_too():
    with SimulatorThread() as simulator:
        for script, refused in (("reset", True), ("reply_bytes=5000000,close", False)):
            body = f'{{"model":"sim:{script}","messages":[]}}'.encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as peer:
                peer.sendall(head.encode() + body)
                if refused:
                    with pytest.raises(ConnectionResetError):
                        peer.recv(1)
                else:
                    read = sum(map(len, iter(lambda: peer.recv(1 << 16), b"")))
                    assert 5_000_000 < read < 5_001_000
        states = [record["state"] for record in simulator.snapshot()["received"]]
        assert states == ["reset", "closed"]


def test_a_key_is_broken_and_repaired_from_outside():
    with SimulatorThread(key="sk-1") as simulator:
        client = sdk(simulator, "sk-2")
        simulator.key_script("sk-2", "refusal=openai:payment_required")
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="sim", messages=HELLO)
        assert caught.value.status_code == 402
        simulator.key_script("sk-2", "tokens=1")
        reply = client.chat.completions.create(model="sim", messages=HELLO)
        assert reply.choices[0].message.content == "The"
        with pytest.raises(ValueError, match="no option"):
            simulator.key_script("sk-2", "nonsense")
        client.close()


async def test_a_key_is_broken_in_the_same_loop():
    async with Simulator() as simulator:
        simulator.key_script("sk-1", "error=auth")
        client = openai.AsyncOpenAI(base_url=simulator.base_url, api_key="sk-1", max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="sim", messages=HELLO)
        await client.close()
