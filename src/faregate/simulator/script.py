"""The script: what a call asks the simulator to do.

It is written `option=value,option=value` and stands behind `sim:` in the model's name or in the
header X-Simulate. `OPTIONS` is the one list of options: the parser, the help of the command and
the table in the guide are made of it.
"""

import difflib
from collections.abc import Callable
from typing import Any, Final, Literal
from urllib.parse import unquote

import msgspec

from faregate.providers.rules import ANY_VENDOR, Rule, all_rules
from faregate.simulator.errors import ERRORS

HEADER: Final = "X-Simulate"
MODEL_PREFIX: Final = "sim"

# Bounds that keep a mistaken script from filling this process's memory.
TOKENS_MAX: Final = 100_000
MILLISECONDS_MAX: Final = 3_600_000
HEADER_BYTES_MAX: Final = 4 * 1024 * 1024
REPLY_BYTES_MAX: Final = 1 << 40
SCRIPT_CHARACTERS_MAX: Final = 4_096

Malformed = Literal["head", "chunk", "json", "event", "length"]
MALFORMED: Final = ("head", "chunk", "json", "event", "length")
Finish = Literal["stop", "length", "content_filter", "tool"]
FINISHES: Final = ("stop", "length", "content_filter", "tool")
# Who speaks OpenAI's or a shared format in its own way; a first segment of the path names it too.
DEVIATIONS: Final = (
    "azure", "cohere", "deepseek", "jina", "mistral", "openai", "openrouter", "voyage",
)  # fmt: skip
TOOLS_MAX: Final = 16
USAGE_MAX: Final = 10**9


class Cut(msgspec.Struct, frozen=True):
    """Where a reply is cut: after so many events, or bytes of its body."""

    count: int
    unit: Literal["events", "bytes"]


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What one call asks for; the fields are the options."""

    latency_ms: int = 0
    tokens: int | None = None
    token_ms: int = 0
    text: str | None = None
    seed: int = 0
    error: str | None = None
    refusal: str | None = None
    status: int | None = None
    retry_after_s: int | None = None
    fail_first: int | None = None
    stall_after: int | None = None
    cut_after: Cut | None = None
    reset: bool = False
    close: bool = False
    early: bool = False
    malformed: Malformed | None = None
    slow_headers_ms: int = 0
    header_bytes: int = 0
    no_usage: bool = False
    usage_in_last_chunk: bool = False
    error_in_stream_after: int | None = None
    reply_bytes: int | None = None
    error_body_200: bool = False
    tool: str | None = None
    tools: int | None = None
    arguments: str | None = None
    thinking: int = 0
    finish: Finish | None = None
    json: bool = False
    input: int | None = None
    cached: int = 0
    cache_write: int = 0
    vendor: str | None = None

    def fails(self) -> bool:
        """Whether it asks for anything but a whole, good answer."""
        return self != self.healthy()

    def healthy(self) -> "Script":
        """The same without its failures: how it works after the first few calls."""
        return msgspec.structs.replace(
            self,
            error=None,
            refusal=None,
            status=None,
            retry_after_s=None,
            fail_first=None,
            stall_after=None,
            cut_after=None,
            reset=False,
            malformed=None,
            error_in_stream_after=None,
            error_body_200=False,
        )

    def under(self, over: "Script") -> "Script":
        """The same with everything that `over` asks for."""
        asked = msgspec.structs.asdict(over)
        plain = msgspec.structs.asdict(PLAIN)
        changed = {name: value for name, value in asked.items() if value != plain[name]}
        return msgspec.structs.replace(self, **changed)


PLAIN: Final = Script()


class ScriptError(ValueError):
    """A script that can't be played: what is wrong, and what is right."""


class Option(msgspec.Struct, frozen=True):
    """One option: its name, its value, what it does, an example."""

    name: str
    value: str
    meaning: str
    example: str
    parse: Callable[[str, str], Any]


def nearest(word: str, words: list[str]) -> str:
    """A sentence that names the nearest right word, or all of them."""
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    if close:
        return f"Did you mean '{close[0]}'?"
    return "Known: " + ", ".join(sorted(words)) + "."


def _whole_number(low: int, high: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise ScriptError(f"{name} takes a whole number from {low} to {high}, not '{text}'.")
        number = int(text)
        if not low <= number <= high:
            raise ScriptError(f"{name} takes a whole number from {low} to {high}, not {number}.")
        return number

    return parse


def _flag(name: str, text: str) -> bool:
    if text in ("", "1", "true"):
        return True
    if text in ("0", "false"):
        return False
    raise ScriptError(f"{name} takes no value, or true or false, not '{text}'.")


def _text(_name: str, text: str) -> str:
    return unquote(text)


def _object(name: str, text: str) -> str:
    written = unquote(text)
    try:
        if isinstance(msgspec.json.decode(written), dict):
            return written
    except (msgspec.DecodeError, RecursionError):
        pass
    raise ScriptError(f"{name} takes a JSON object, percent-encoded where it holds a comma.")


def _choice(words: list[str]) -> Callable[[str, str], str]:
    def parse(name: str, text: str) -> str:
        if text not in words:
            raise ScriptError(f"{name} does not know '{text}'. {nearest(text, words)}")
        return text

    return parse


def _cut(name: str, text: str) -> Cut:
    number = text.removesuffix("b")
    count = _whole_number(0, REPLY_BYTES_MAX)(name, number)
    return Cut(count, "bytes" if text.endswith("b") else "events")


def _refusal(name: str, text: str) -> str:
    vendor, _, meaning = text.partition(":")
    if not meaning:
        raise ScriptError(f"{name} takes provider:meaning, such as groq:rate_limited.")
    vendors = sorted({numbered.rule.provider for numbered in all_rules()})
    if vendor not in vendors:
        raise ScriptError(f"{name} does not know '{vendor}'. {nearest(vendor, vendors)}")
    meanings = sorted({n.rule.meaning for n in all_rules() if n.rule.provider == vendor})
    if meaning not in meanings:
        known = nearest(meaning, [str(word) for word in meanings])
        raise ScriptError(f"{name} has no '{meaning}' of '{vendor}'. {known}")
    return text


def refusal_rule(name: str) -> Rule:
    """The first rule of a `provider:meaning` that `parse_script` accepted."""
    vendor, _, meaning = name.partition(":")
    for numbered in all_rules():
        if numbered.rule.provider == vendor and numbered.rule.meaning == meaning:
            return numbered.rule
    raise ScriptError(f"there is no refusal '{name}'.")


_MS: Final = _whole_number(0, MILLISECONDS_MAX)
_COUNT: Final = _whole_number(0, TOKENS_MAX)
_UNITS: Final = "events of a stream, or bytes of another body"

OPTIONS: Final = tuple(
    Option(*row)
    for row in (
        ("latency_ms", "milliseconds", "Wait before the answer begins.", "latency_ms=200", _MS),
        ("tokens", "count", "Length of the answer; 16 if not given.", "tokens=50", _COUNT),
        (
            "token_ms", "milliseconds", "Wait before each token; an answer that isn't streamed "
            "comes after all of them.", "token_ms=5", _MS,
        ),
        (
            "text", "text", "The words of the answer, percent-encoded where they hold a comma.",
            "text=Paris%2C%20of%20course", _text,
        ),
        (
            "seed", "number", "Another text of the same length; the same seed gives the same text.",
            "seed=7", _whole_number(0, 10**12),
        ),
        (
            "error", "name", f"An error in OpenAI's words: {', '.join(ERRORS)}.",
            "error=rate_limit", _choice(list(ERRORS)),
        ),
        (
            "refusal", "provider:meaning", "A refusal as that provider writes it, made from the "
            f"rules that classify refusals; provider {ANY_VENDOR} is anyone.",
            "refusal=openrouter:payment_required", _refusal,
        ),
        (
            "status", "status", "Status of the answer; from 400 on with an error as its body, "
            "unless error or refusal give one.", "status=503", _whole_number(200, 599),
        ),
        (
            "retry_after_s", "seconds", "Retry-After of an error or a refusal.",
            "error=rate_limit,retry_after_s=3", _whole_number(0, 86_400),
        ),
        (
            "fail_first", "count", "Only the first so many calls of this script fail, as its other "
            "options say or with server_error; later ones work.",
            "error=overloaded,fail_first=2", _COUNT,
        ),
        (
            "stall_after", "count", f"Silence after so many {_UNITS}, until the caller leaves.",
            "stall_after=3", _COUNT,
        ),
        (
            "cut_after", "count", "Close the connection in the middle: after so many "
            f"{_UNITS}; with a b behind it always bytes.", "cut_after=3", _cut,
        ),
        (
            "reset", "", "Reset the connection (TCP RST) instead of an answer, or where cut_after "
            "would close it.", "reset", _flag,
        ),
        ("close", "", "Close the connection after the answer.", "close", _flag),
        (
            "early", "", f"Answer before the body of the request is read; only in {HEADER}.",
            "early", _flag,
        ),
        (
            "malformed", "kind", "Break the protocol: head (no HTTP), chunk (no chunk size), json "
            "(cut JSON), event (lines that are no event), length (more announced than sent).",
            "malformed=chunk", _choice(list(MALFORMED)),
        ),
        (
            "slow_headers_ms", "milliseconds", "Spread the head of the answer over this time.",
            "slow_headers_ms=500", _MS,
        ),
        (
            "header_bytes", "bytes", "More headers of this size, 1,000 bytes each.",
            "header_bytes=70000", _whole_number(0, HEADER_BYTES_MAX),
        ),
        ("no_usage", "", "Leave the usage out, even where it is asked for.", "no_usage", _flag),
        (
            "usage_in_last_chunk", "", "Send the usage of a stream with the last choice, asked for "
            "or not, as some vendors do.", "usage_in_last_chunk", _flag,
        ),
        (
            "error_in_stream_after", "events", "An error event after so many events of a stream, "
            "then its end; which one, error or refusal say.", "error_in_stream_after=2", _COUNT,
        ),
        (
            "reply_bytes", "bytes", "A body or a stream of this size, as fast as the caller reads "
            "it, in bounded memory.", "reply_bytes=200000000", _whole_number(0, REPLY_BYTES_MAX),
        ),
        (
            "error_body_200", "", "The error that error or refusal say, or server_error, as a body "
            "with status 200, also where a stream was asked for.", "error_body_200", _flag,
        ),
        (
            "tool", "name", "Call this tool, or without a name the first, where the request has "
            "tools; once it has the tool's result the answer mentions that.",
            "tool=get_weather", _text,
        ),
        (
            "tools", "count", "Call so many tools at once, in the order of the request.",
            "tools=2", _whole_number(1, TOOLS_MAX),
        ),
        (
            "arguments", "json", "Arguments of the call, percent-encoded where they hold a comma; "
            "else they are made from the required members of the tool's schema.",
            "arguments=%7B%22city%22:%22Paris%22%7D", _object,
        ),
        (
            "thinking", "count", "Think for so many tokens first, where the format shows that.",
            "thinking=20", _COUNT,
        ),
        (
            "finish", "reason", f"Why the answer ends: {', '.join(FINISHES)}.", "finish=length",
            _choice(list(FINISHES)),
        ),
        (
            "json", "", "Answer with a JSON object that fits the schema of the request, if it has "
            "one.", "json", _flag,
        ),
        (
            "input", "count", "Input tokens in the usage, whatever was asked.", "input=1000",
            _whole_number(0, USAGE_MAX),
        ),
        (
            "cached", "count", "How many of the input tokens came from a cache.", "cached=500",
            _whole_number(0, USAGE_MAX),
        ),
        (
            "cache_write", "count", "How many of the input tokens were written to a cache, where "
            "the format tells.", "cache_write=100", _whole_number(0, USAGE_MAX),
        ),
        (
            "vendor", "name", "Speak a format that several share as this vendor does: "
            f"{', '.join(DEVIATIONS)}.", "vendor=mistral", _choice(list(DEVIATIONS)),
        ),
    )
)  # fmt: skip

_BY_NAME: Final = {option.name: option for option in OPTIONS}


def parse_script(text: str) -> Script:
    """The script that `text` writes.

    Raises `ScriptError` in words for its author.
    """
    if len(text) > SCRIPT_CHARACTERS_MAX:
        raise ScriptError(f"A script has at most {SCRIPT_CHARACTERS_MAX} characters.")
    fields: dict[str, Any] = {}
    for part in text.split(","):
        word = part.strip()
        if not word:
            continue
        name, _, value = word.partition("=")
        option = _BY_NAME.get(name)
        if option is None:
            known = nearest(name, list(_BY_NAME))
            raise ScriptError(f"The simulator has no option '{name}'. {known}")
        fields[name] = option.parse(name, value)
    return Script(**fields)


def script_of_model(model: str) -> Script | None:
    """The script in a model's name, or None where the name has none."""
    prefix, colon, text = model.partition(":")
    return parse_script(text) if colon and prefix == MODEL_PREFIX else None
