"""Keeps tool calls until they are whole, and the order behind them.

It serves the writers of streams whose dialect calls tools in one piece (Gemini, Ollama).
"""

from faregate.dialects.neutral.parts import ToolCall
from faregate.dialects.neutral.reply import ToolDelta, ToolOpened


class _Call:
    """A call whose arguments are still coming."""

    __slots__ = ("arguments", "closed", "opened")

    def __init__(self, opened: ToolOpened) -> None:
        self.opened = opened
        self.arguments: list[str] = []
        self.closed = False

    def whole(self) -> ToolCall:
        opened = self.opened
        arguments = "".join(self.arguments)
        return ToolCall(
            opened.id, opened.name, arguments, opened.signature, opened.origin, opened.custom
        )


class WholeCalls:
    """Calls of all answers, and what waits for them."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        # Per answer: calls that are open, and bytes that stand behind one, by the part's number.
        self._waiting: dict[int, dict[int, _Call | list[bytes]]] = {}

    def open(self, event: ToolOpened) -> None:
        """A call begins."""
        self._waiting.setdefault(event.choice, {})[event.part] = _Call(event)

    def add(self, event: ToolDelta) -> None:
        """It goes on."""
        call = self._waiting.get(event.choice, {}).get(event.part)
        if isinstance(call, _Call):
            call.arguments.append(event.arguments)

    def waits(self, choice: int) -> bool:
        """Whether an answer's call is open."""
        return bool(self._waiting.get(choice))

    def holds(self, choice: int, part: int, written: bytes) -> bool:
        """Keep bytes that are behind an open call; False: there is none."""
        waiting = self._waiting.get(choice)
        if not waiting or min(waiting) >= part:
            return False
        behind = waiting.setdefault(part, [])
        if isinstance(behind, list):
            behind.append(written)
        return True

    def close(self, choice: int, part: int) -> list[ToolCall | bytes]:
        """A part is whole: what may be written now, in order."""
        call = self._waiting.get(choice, {}).get(part)
        if not isinstance(call, _Call):
            return []
        call.closed = True
        return self._drain(choice, whole=False)

    def finish(self, choice: int) -> list[ToolCall | bytes]:
        """The answer is whole: all that waits, in order."""
        return self._drain(choice, whole=True)

    def _drain(self, choice: int, *, whole: bool) -> list[ToolCall | bytes]:
        waiting = self._waiting.get(choice)
        out: list[ToolCall | bytes] = []
        for number in sorted(waiting or ()):
            found = waiting[number] if waiting else []
            if isinstance(found, _Call):
                if not (found.closed or whole):
                    break
                out.append(found.whole())
            else:
                out += found
            if waiting:
                del waiting[number]
        return out
