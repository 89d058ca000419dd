"""OpenAI's chat and completions where bytes pass through."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects import openai_chat
from faregate.dialects.openai_chat import Peek, StreamMeter


class OpenAINative:
    """One of the two, by its path."""

    def __init__(self, path: str) -> None:
        self._path = path

    splice_model = staticmethod(openai_chat.splice_model)
    set_output_limit = staticmethod(openai_chat.set_output_limit)
    ask_stream_usage = staticmethod(openai_chat.ask_stream_usage)
    read_usage = staticmethod(openai_chat.read_usage)
    read_usage_in_part = staticmethod(openai_chat.read_usage_in_part)
    stream_meter = staticmethod(StreamMeter)

    def peek(self, body: bytes, model: str | None, *, stream: bool) -> Peek | Refusal:
        """Read what the gate needs; both are said in the body."""
        found = openai_chat.peek(body)
        if isinstance(found, Refusal):
            return found
        if (
            found.max_tokens is None
            and found.max_completion_tokens is None
            and found.n is None
            and found.best_of is None
        ):
            return found
        return openai_chat.refuse_twofold(body) or found

    def final_events(
        self, call_id: str, model: str, choices: int, refusal: object, output_tokens: int = 0
    ) -> bytes:
        """The end of a stream that we end."""
        return openai_chat.final_events(self._path, call_id, model, choices, refusal)


CHAT: Final = OpenAINative(openai_chat.CHAT_PATH)
COMPLETIONS: Final = OpenAINative(openai_chat.COMPLETIONS_PATH)
