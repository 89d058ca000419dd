"""What a simulated model says, in no dialect.

Everything follows from the request and its script. Input tokens are a quarter of the bytes of
the members that hold the question, as they came; a word of text is a token; the arguments of a
call, and an answer in JSON, are a token for each four characters.
"""

import itertools
import zlib
from typing import Any, Final

import msgspec

from faregate.simulator.errors import RefusedError
from faregate.simulator.schemas import fitting_object
from faregate.simulator.script import Finish, Script

CREATED: Final = 1_700_000_000
TOKENS_DEFAULT: Final = 16
# A token of English is about four characters; exactness is not the point, sameness is.
BYTES_PER_TOKEN: Final = 4
# Stands where an answer of reply_bytes gets its filling.
FILLING: Final = "#"
FLOOD_EVENT_CHARACTERS: Final = 1_024
RESULT_CHARACTERS_MAX: Final = 2_000

_TEXT: Final = (
    "the gate opens when fare is paid and every call that goes through it leaves a line "
    "in one journal so nothing lost counted twice or sent without credit to cover"
)
_WORDS: Final = _TEXT.split()

encode: Final = msgspec.json.encode


class Tool(msgspec.Struct, frozen=True):
    """A tool that the request offers."""

    name: str
    schema: object = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a model was asked.

    `forced` is the tool that must be called, "" any of them; `counted` is the question as bytes.
    """

    model: str
    counted: bytes = b""
    limit: int | None = None
    streamed: bool = False
    tools: tuple[Tool, ...] = ()
    forced: str | None = None
    results: tuple[str, ...] = ()
    schema: object = None

    def __post_init__(self) -> None:
        if self.limit is not None and (not isinstance(self.limit, int) or self.limit < 0):
            raise RefusedError("The limit of the answer's tokens must be a whole number.")
        if not isinstance(self.model, str) or not isinstance(self.streamed, bool):
            raise RefusedError("The model must be a text, and stream true or false.")

    @property
    def input_tokens(self) -> int:
        """Tokens of what was asked."""
        return tokens_of(self.counted)


class Call(msgspec.Struct, frozen=True):
    """One tool call; `arguments` is a JSON object."""

    number: int
    name: str
    arguments: str

    @property
    def pieces(self) -> list[str]:
        """The arguments, a token each."""
        return split(self.arguments)

    def document(self) -> dict[str, Any]:
        """The arguments, decoded."""
        made: dict[str, Any] = msgspec.json.decode(self.arguments)
        return made


class Usage(msgspec.Struct, frozen=True):
    """Tokens.

    `cached` and `written` are parts of `input`, `thinking` is a part of `output`.
    """

    input: int
    output: int
    thinking: int = 0
    cached: int = 0
    written: int = 0

    @property
    def fresh(self) -> int:
        """Input that was neither read from a cache nor written to one."""
        return self.input - self.cached - self.written


class Answer(msgspec.Struct, frozen=True):
    """What is said."""

    identifier: str
    thinking: list[str]
    tokens: list[str]
    calls: list[Call]
    finish: Finish
    usage: Usage

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.tokens)

    @property
    def thought(self) -> str:
        """The whole of the thinking."""
        return "".join(self.thinking)


def tokens_of(data: bytes | str) -> int:
    """Tokens of a text: a quarter of its bytes, at least one."""
    size = len(data.encode()) if isinstance(data, str) else len(data)
    return max(1, -(-size // BYTES_PER_TOKEN))


def split(text: str) -> list[str]:
    """`text` in tokens of four characters."""
    return [text[at : at + BYTES_PER_TOKEN] for at in range(0, len(text), BYTES_PER_TOKEN)]


def in_words(text: str) -> list[str]:
    """`text` in tokens of a word each, which together are `text`."""
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def words(count: int, seed: int = 0) -> list[str]:
    """So many words of a text."""
    start = seed * 7919 % len(_WORDS)
    turned = _WORDS[start:] + _WORDS[:start]
    step = 1 + 2 * (seed % 7)  # 31 words: every odd step below it visits them all
    made = [" " + turned[index * step % len(turned)] for index in range(len(turned))]
    made[0] = made[0][1:].capitalize()
    return list(itertools.islice(itertools.cycle(made), count))


def text_tokens(script: Script) -> list[str]:
    """The tokens of the text that a script asks for."""
    if script.text is None:
        return words(TOKENS_DEFAULT if script.tokens is None else script.tokens, script.seed)
    made = in_words(script.text)
    return made if script.tokens is None else list(
        itertools.islice(itertools.cycle(made), script.tokens)
    )  # fmt: skip


def identifier_of(counted: bytes, seed: int) -> str:
    """A part of an id that follows from the question."""
    return f"{zlib.crc32(counted, seed & 0xFFFFFFFF):08x}{seed:04x}"


def input_usage(asked: Asked, script: Script) -> Usage:
    """The usage of a call before it has an output."""
    least = script.cached + script.cache_write
    tokens = asked.input_tokens if script.input is None else script.input
    return Usage(max(tokens, least), 0, 0, script.cached, script.cache_write)


def compose(asked: Asked, script: Script) -> Answer:
    """What the model says to `asked`."""
    calls = _calls(asked, script)
    thinking = words(script.thinking, script.seed + 1)
    tokens = _said(asked, script, calls)
    finish: Finish = "tool" if calls else "stop"
    if asked.limit is not None and asked.limit < len(thinking) + len(tokens):
        finish, calls = "length", []
        thinking = thinking[: asked.limit]
        tokens = tokens[: asked.limit - len(thinking)]
    output = len(tokens) + len(thinking) + sum(len(call.pieces) for call in calls)
    if script.reply_bytes is not None:
        if asked.streamed:
            output = script.reply_bytes // FLOOD_EVENT_CHARACTERS + 1
        tokens = ["x" * FLOOD_EVENT_CHARACTERS] if asked.streamed else [FILLING]
    usage = msgspec.structs.replace(
        input_usage(asked, script), output=output, thinking=len(thinking)
    )
    identifier = identifier_of(asked.counted, script.seed)
    return Answer(identifier, thinking, tokens, calls, script.finish or finish, usage)


def _calls(asked: Asked, script: Script) -> list[Call]:
    wanted = script.tool is not None or script.tools is not None
    if not asked.tools or (asked.forced is None and (asked.results or not wanted)):
        return []
    first = script.tool or asked.forced or asked.tools[0].name
    names = [tool.name for tool in asked.tools]
    start = names.index(first) if first in names else 0
    made = []
    for number in range(script.tools or 1):
        tool = asked.tools[(start + number) % len(names)]
        name = first if number == 0 else tool.name
        schema = tool.schema if name == tool.name else None
        arguments = script.arguments or encode(fitting_object(schema)).decode()
        made.append(Call(number, name, arguments))
    return made


def _said(asked: Asked, script: Script, calls: list[Call]) -> list[str]:
    told = script.text is not None or script.tokens is not None
    if script.json and not calls:
        made = fitting_object(asked.schema) or {"answer": "".join(text_tokens(script))}
        return split(encode(made).decode())
    if told:
        return text_tokens(script)
    if calls:
        return []
    if asked.results:
        shown = "; ".join(asked.results)[:RESULT_CHARACTERS_MAX]
        return in_words(f"The tool said: {shown}")
    return text_tokens(script)
