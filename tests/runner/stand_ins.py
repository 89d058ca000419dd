"""A runner on a store in memory, before gates that answer as they are told."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from tests.batches.contract import batch_facts

from faregate.batches.facts import BatchFacts, Page
from faregate.batches.memory import MemoryBatches
from faregate.calllog.frames import CallRecord
from faregate.configuration.settings import BatchSettings, Settings
from faregate.core.clock import ManualClock
from faregate.runner.gates import Gates, NotSentError, Reply
from faregate.runner.runner import Runner

MODELS = json.dumps({"data": [{"id": "gpt"}, {"id": "claude"}]}).encode()
Answer = Callable[[dict[str, Any], dict[str, str]], Reply]


def ok(_body: dict[str, Any], _fields: dict[str, str]) -> Reply:
    return Reply(200, {}, b'{"ok": true}')


class StandInGates(Gates):
    """`answer` is asked for every line; what was asked is kept."""

    def __init__(self) -> None:
        super().__init__(list, "")
        self.answer: Answer = ok
        self.models: Reply = Reply(200, {}, MODELS)
        self.asked: list[tuple[str, str, dict[str, Any], dict[str, str]]] = []
        self.away = False

    def ask(
        self, method: str, path: str, key_id: str, body: bytes | None, fields: dict[str, str]
    ) -> Reply:
        if self.away:
            raise NotSentError
        if method == "GET":
            return self.models
        asked = json.loads(body or b"{}")
        self.asked.append((path, key_id, asked, fields))
        return self.answer(asked, fields)


class StandInCalls:
    """The records of calls, by their ids."""

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}

    def find(self, call_id: str) -> CallRecord | None:
        return self.records.get(call_id)

    def close(self) -> None:
        """Nothing to let go of."""


def record(of: str, **more: Any) -> CallRecord:
    facts: dict[str, Any] = {
        "worker": "0-1-1", "state": "closed", "started_ns": 1, "revision": 1, "key_id": "a",
        "key_name": "a", "method": "POST", "path": "/", "client_address": "", "user_agent": "",
        "model_asked": "gpt", "provider": "one", "outcome": "cancelled",
    }  # fmt: skip
    return CallRecord(call_id=of, **facts | more)


class Stage:
    """All of it; `turn` lets every call under way end, and ticks."""

    def __init__(self, **limits: Any) -> None:
        self.clock = ManualClock()
        self.store = MemoryBatches(lambda: self.clock.wall_ns() // 10**9)
        self.gates = StandInGates()
        self.calls = StandInCalls()
        self.settings = Settings(batches=BatchSettings(**limits))
        self.woken = threading.Event()
        self.runner = self.hire()

    def hire(self) -> Runner:
        """A runner; another one is what comes after a kill."""
        self.runner = Runner(
            self.store, self.calls, self.gates, self.clock, self.settings, self.woken.set
        )
        return self.runner

    def make(self, *lines: dict[str, Any], **more: Any) -> str:
        """A batch of these lines; gives its id."""
        now_s = self.clock.wall_ns() // 10**9
        more = {"created_s": now_s, "expires_s": now_s + 1_000, **more}
        batch = batch_facts(**more)
        data = b"\n".join(msgspec.json.encode(line) for line in lines)
        assert self.store.keep_batch(batch, data, 10)
        return batch.batch_id

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.runner.tick()
            until = time.monotonic() + 10
            while self.runner.flying:
                assert time.monotonic() < until
                self.woken.wait(0.01)
                self.woken.clear()

    def batch(self, batch_id: str) -> BatchFacts:
        batch = self.store.batch(None, batch_id)
        assert batch is not None
        return batch

    def output(self, batch_id: str) -> list[dict[str, Any]]:
        """All lines of both files."""
        batch = self.batch(batch_id)
        data = b"".join(
            self.store.read(name, 0, 1 << 30)
            for name in (batch.output_file, batch.error_file)
            if name is not None
        )
        return [json.loads(line) for line in data.splitlines()]

    def only_batch(self) -> BatchFacts:
        [batch] = self.store.batches(None, None, Page(9))
        return batch


def line(custom_id: str, model: str = "gpt") -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": custom_id}]}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}
