"""A machine says whether it runs, is ready, and why not."""

from pathlib import Path
from typing import Any

from tests.control.managed import make_home

from faregate.control.nodes import read_node
from faregate.control.running import Running
from faregate.core.errors import StorageError
from faregate.storage.node import name_node


class Answering(Running):
    """A service that answers so, or not at all."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        super().__init__(lambda: {"url": "http://h"}, "token")
        self._answer = answer

    def ask(self, method: str, target: str) -> Any:
        if self._answer is None:
            raise StorageError("it does not answer")
        return self._answer


def test_states(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    stopped = read_node(home, Running(lambda: None, "token"), 3)
    assert (stopped.name, stopped.state, stopped.revision) == (name_node(home), "stopped", 3)
    assert (stopped.url, stopped.processes) == (None, [])
    ready = read_node(home, Answering({"ready": True, "version": "9"}), 3)
    assert (ready.state, ready.version, ready.url) == ("ready", "9", "http://h")
    waiting = read_node(home, Answering({"ready": False, "reasons": ["why"]}), 3)
    assert (waiting.state, waiting.reasons) == ("not_ready", ["why"])
    silent = read_node(home, Answering(None), 3)
    assert (silent.state, silent.reasons) == ("not_ready", ["it does not answer"])
