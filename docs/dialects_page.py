"""docs/reference/dialects.md: what each dialect carries, and which addresses there are.

A cell of the table is what happens: a request that uses the feature, and nothing else, is written
for the dialect, and the writer says what it leaves out.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from docs.tables import NOTICE, code, table

from faregate.dialects.anthropic import dialect as anthropic
from faregate.dialects.bedrock import dialect as bedrock
from faregate.dialects.cohere import dialect as cohere
from faregate.dialects.completions import dialect as completions
from faregate.dialects.gemini import dialect as gemini
from faregate.dialects.neutral import parts
from faregate.dialects.neutral.features import FIELDS, OTHERS
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Message,
    Reasoning,
    Request,
    ServerTool,
    Speech,
    Tool,
    ToolChoice,
)
from faregate.dialects.ollama import dialect as ollama
from faregate.dialects.openai import dialect as openai
from faregate.dialects.openai import mistral
from faregate.dialects.responses import dialect as responses
from faregate.dialects.translation import TargetFacts
from faregate.gate.choosing import HINTS
from faregate.gate.operations import Operation, is_addressed
from faregate.gate.served import OPERATIONS
from faregate.gate.translators import STANDS_IN, translator
from faregate.providers.vendors import DIALECTS, VENDORS

YES, OTHERWISE, IN_PART, REFUSED, LEFT_OUT = "yes", "otherwise", "in part", "refused", "left out"

# -- a request for each feature --------------------------------------------------------------------

_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_TOOL = Tool(name="weather", parameters=_SCHEMA)
_HELLO = Message("user", (parts.Text("Hello"),))
_PICTURE = parts.Image(parts.Media(media_type="image/png", data="iVBORw0KGgo="))


def _with(**members: Any) -> Request:
    return Request(model="a-model", messages=(_HELLO,), **members)


def _showing(*shown: parts.Part) -> Request:
    return Request(model="a-model", messages=(Message("user", (*shown, parts.Text("What?"))),))


def _going_on(*said: parts.Part) -> Request:
    return Request(model="a-model", messages=(_HELLO, Message("assistant", said), _HELLO))


def _result(*given: Any, is_error: bool | None = None) -> Request:
    call = parts.ToolCall("call_1", "weather", '{"city":"Rome"}')
    result = parts.ToolResult("call_1", given, name="weather", is_error=is_error)
    turns = (_HELLO, Message("assistant", (call,)), Message("tool", (result,)))
    return Request(model="a-model", messages=turns, tools=(_TOOL,))


def _media(media_type: str, *, url: str | None = None, data: str | None = None) -> parts.Media:
    return parts.Media(media_type=media_type, url=url, data=data)


_AT = "https://example.com/a"
_CITED = parts.Text("So.", citations=(parts.Citation(url=_AT, title="A page", start=0, end=2),))
SPECIMENS: dict[str, Request] = {
    "tool_choice": _with(tools=(_TOOL,), tool_choice=ToolChoice("required")),
    "parallel_tool_calls": _with(tools=(_TOOL,), parallel_tool_calls=False),
    "output_tokens_max": _with(output_tokens_max=100),
    "verbosity": _with(verbosity="low"),
    "modalities": _with(modalities=("text", "audio"), speech=Speech("alloy", "wav")),
    "speech": _with(modalities=("text", "audio"), speech=Speech("alloy", "wav")),
    "n": _with(n=2),
    "stop": _with(stop=("END",)),
    "reasoning": _with(reasoning=Reasoning(effort="low")),
    "temperature": _with(temperature=0.5),
    "top_p": _with(top_p=0.5),
    "top_k": _with(top_k=5),
    "seed": _with(seed=5),
    "presence_penalty": _with(presence_penalty=0.5),
    "frequency_penalty": _with(frequency_penalty=0.5),
    "logit_bias": _with(logit_bias={"50256": -100.0}),
    "logprobs": _with(logprobs=True),
    "top_logprobs": _with(logprobs=True, top_logprobs=2),
    "user": _with(user="user-1"),
    "service_tier": _with(service_tier="flex"),
    "metadata": _with(metadata={"order": "1"}),
    "store": _with(store=True),
    "prompt_cache_key": _with(prompt_cache_key="order"),
    "previous_id": _with(previous_id="resp_1"),
    "system": Request(
        model="a-model", messages=(Message("system", (parts.Text("Be brief."),)), _HELLO)
    ),
    "tools": _with(tools=(_TOOL,)),
    "tools.strict": _with(tools=(Tool(name="weather", parameters=_SCHEMA, strict=True),)),
    "tools.custom": _with(tools=(Tool(name="shell", custom=True),)),
    "tools.server": _with(tools=(ServerTool("another", {"type": "web_search"}),)),
    "tool_result.image": _result(_PICTURE),
    "tool_result.error": _result(parts.Text("No."), is_error=True),
    "image.url": _showing(parts.Image(_media("image/png", url=_AT))),
    "image.data": _showing(_PICTURE),
    "document.url": _showing(parts.Document(_media("application/pdf", url=_AT), name="a.pdf")),
    "document.data": _showing(
        parts.Document(_media("application/pdf", data="JVBERi0="), name="a.pdf")
    ),
    "document.text": _showing(parts.Document(text="All of it.", name="a.txt")),
    "audio.data": _showing(parts.Audio(_media("audio/wav", data="UklGRg=="), format="wav")),
    "video.url": _showing(parts.Video(_media("video/mp4", url=_AT))),
    "video.data": _showing(parts.Video(_media("video/mp4", data="AAAA"))),
    "thinking": _going_on(parts.Thinking("Well.", "c2ln", origin="another"), parts.Text("Yes.")),
    "cache": _showing(parts.Text("Long.", cache=parts.CacheMark())),
    "citations": _going_on(_CITED),
    "answer_format.json": _with(answer_format=AnswerFormat(kind="json")),
    "answer_format.schema": _with(
        answer_format=AnswerFormat(kind="schema", name="answer", schema=_SCHEMA)
    ),
}
WORDS = {
    "tool_choice": "which tool must be called, or none",
    "parallel_tool_calls": "no more than one call of a tool at a time",
    "output_tokens_max": "an output limit",
    "verbosity": "how long answers are",
    "modalities": "answers that are spoken or drawn",
    "speech": "voice and format of spoken answers",
    "n": "several answers",
    "stop": "stop sequences",
    "reasoning": "how much is thought",
    "top_k": "choice among the k likeliest tokens",
    "seed": "a seed",
    "logit_bias": "weights of tokens",
    "logprobs": "probabilities of tokens",
    "top_logprobs": "probabilities of others, too",
    "user": "your user's name",
    "service_tier": "flex, priority and the like",
    "metadata": "notes to be kept with the call",
    "store": "whether the vendor keeps the answer",
    "prompt_cache_key": "what belongs together in the vendor's cache",
    "previous_id": "an earlier answer that the vendor keeps",
    **OTHERS,
}

# -- what becomes of them --------------------------------------------------------------------------


class Column(NamedTuple):
    """A dialect as a target."""

    name: str
    writer: Any
    carries: frozenset[str]
    facts: TargetFacts


def _facts(model: str, vendor: str) -> TargetFacts:
    quirks = frozenset(VENDORS[vendor].quirks) if vendor == "mistral" else frozenset()
    return TargetFacts(model=model, vendor=vendor, output_tokens_max=64_000, quirks=quirks)


_CLAUDE = "claude-sonnet-4-5"
TARGETS: tuple[Column, ...] = (
    Column("openai_chat", openai.DIALECT, openai.CARRIES, _facts("a-model", "openai")),
    Column("Mistral's chat", openai.DIALECT, mistral.CARRIES, _facts("a-model", "mistral")),
    Column("openai_responses", responses.DIALECT, responses.CARRIES, _facts("a-model", "openai")),
    Column("anthropic", anthropic.DIALECT, anthropic.CARRIES, _facts(_CLAUDE, "anthropic")),
    Column("anthropic_vertex", anthropic.VERTEX, anthropic.CARRIES, _facts(_CLAUDE, "vertex")),
    Column("gemini", gemini.DIALECT, gemini.CARRIES, _facts("gemini-3.1-flash-lite", "gemini")),
    Column(
        "bedrock_converse",
        bedrock.DIALECT,
        bedrock.CARRIES,
        _facts(f"anthropic.{_CLAUDE}", "bedrock"),
    ),
    Column("cohere", cohere.DIALECT, cohere.CARRIES, _facts("command-a-03-2025", "cohere")),
    Column("ollama", ollama.DIALECT, ollama.CARRIES, _facts("a-model", "ollama")),
)
# What callers can say, in the dialects that the gate takes calls in.
CALLERS: dict[str, frozenset[str]] = {
    "openai_chat": openai.CARRIES,
    "openai_responses": responses.CARRIES,
    "openai_completions": completions.CARRIES,
    "mistral_chat": mistral.CARRIES,
    "anthropic": anthropic.CARRIES,
    "gemini": gemini.CARRIES,
    "cohere": cohere.CARRIES,
    "ollama": ollama.CARRIES,
    "ollama_generate": ollama.GENERATE_CARRIES,
}


class Fate(NamedTuple):
    """What becomes of a feature at a target, and why."""

    word: str
    why: str = ""


def fate(feature: str, target: Column) -> Fate:
    """What the target's writer makes of the feature's specimen."""
    lost = target.writer.write_request(SPECIMENS[feature], target.facts).lost
    carries = feature in target.carries
    if not lost:
        return Fate(YES if carries else OTHERWISE)
    why = " ".join(dict.fromkeys(each.why for each in lost))
    if feature == "tools.server":  # but for its own, which need no translation
        return Fate(REFUSED, why)
    if all(each.name in HINTS for each in lost):
        return Fate(LEFT_OUT, why)
    return Fate(IN_PART if carries else REFUSED, why)


def fates() -> dict[str, dict[str, Fate]]:
    """All of them, by feature and target."""
    return {
        feature: {target.name: fate(feature, target) for target in TARGETS}
        for feature in (*FIELDS, *OTHERS)
    }


def _features(found: dict[str, dict[str, Fate]]) -> str:
    notes: list[str] = []
    rows = []
    for feature, cells in found.items():
        row = [code(feature), WORDS.get(feature, "")]
        for name, (word, why) in cells.items():
            if word == IN_PART:
                notes.append(f"{len(notes) + 1}. {code(feature)}, {_shown(name)}: {why}")
                word = f"{word} ({len(notes)})"
            row.append(word)
        rows.append(row)
    heads = ("Feature", "What", *(_shown(target.name) for target in TARGETS))
    return table(heads, rows) + "\n\n" + "\n".join(notes)


def _shown(name: str) -> str:
    return name if " " in name else code(name)


def _pairs(found: dict[str, dict[str, Fate]]) -> Iterator[tuple[str, ...]]:
    for caller, says in CALLERS.items():
        for target in TARGETS:
            if target.name == caller:
                continue
            by_word: dict[str, list[str]] = {}
            for feature, cells in found.items():
                if feature in says:
                    by_word.setdefault(cells[target.name].word, []).append(feature)
            listed = (
                ", ".join(map(code, by_word.get(word, ()))) or "-"
                for word in (IN_PART, REFUSED, LEFT_OUT)
            )
            yield code(caller), _shown(target.name), *listed


# -- addresses -------------------------------------------------------------------------------------


def _served_by(operation: Operation) -> tuple[str, str, str]:
    """Dialects whose bytes pass through, those that are translated into, and vendors."""
    own = operation.dialect
    native = [own] if is_addressed(own) else []
    others = []
    if operation.translator is not None:
        names = [operation.name]
        if operation.name in STANDS_IN:
            names.append(STANDS_IN[operation.name])
        spoken = [each for name in names for each in DIALECTS[name]]
        others = [
            each for each in spoken if each != own and translator(operation.name, each) is not None
        ]
    stand_in = STANDS_IN.get(operation.name, "")
    able = [
        vendor
        for vendor in VENDORS.values()
        if {*native, *others}.intersection(vendor.dialects.get(operation.name, ()))
        or set(others).intersection(vendor.dialects.get(stand_in, ()))
    ]
    return (
        ", ".join(map(code, native)) or "-",
        ", ".join(map(code, others)) or "-",
        str(len(able)),
    )


def _addresses() -> Iterator[tuple[str, ...]]:
    for path, operation in OPERATIONS.items():
        yield code(path), operation.name, code(operation.dialect), *_served_by(operation)


# -- the page --------------------------------------------------------------------------------------

_INTRO = """\
A call whose caller and target speak the same dialect passes through byte for byte: whatever the
vendor knows, it may say. All others are translated, by way of a neutral form; this page says what
of a request arrives. How callers see it: [any SDK, any model](../guides/any-sdk.md). What single
vendors or models refuse beyond that: [vendors](vendors.md#what-else-is-known)."""
_ADDRESSES = """\
*Passes through*: targets that speak this dialect, of which bytes are passed on. *Translated
into*: other dialects of targets that can serve it. *Vendors*: how many of those that Faregate
knows can. A target that can serve an address in neither way is stepped over; where none is left,
the call is refused with `operation_unsupported`."""
_FEATURES = """\
Columns are the dialects of targets.

- *yes*: it arrives, and means the same.
- *otherwise*: it arrives in another way, for the dialect has none for it: JSON by a schema or an
  instruction, a document as text, a tool's failure in its words.
- *in part*: some values, or some models; the numbers below say what the others would lose.
- *refused*: another target that can take it is asked, where the name has one; else the call is
  refused with `unsupported_parameter`. With `Faregate-Unsupported: drop`, or `unsupported: drop`
  of a virtual model, it is left out, and named in `Faregate-Dropped`.
- *left out*: it changes no answer, so it never stands in the way: it is left out and named in
  `Faregate-Dropped`.

Each cell was found by writing a request that uses the feature; that what is *yes* can be read
again as it was written is proven for thousands of generated requests by the tests of each dialect
(`tests/dialects/*/test_dialect.py`)."""
_PAIRS = """\
What a caller can say in its own dialect, and what of it another dialect has no place for. What
isn't named arrives."""


def page() -> str:
    """docs/reference/dialects.md."""
    found = fates()
    features = _features(found)
    return "\n\n".join((
        NOTICE, "# Dialects", _INTRO,
        "## Addresses", _ADDRESSES,
        table(
            ("Address", "Operation", "Dialect", "Passes through", "Translated into", "Vendors"),
            list(_addresses()),
        ),
        "## Features of a request", _FEATURES, features,
        "## Pairs", _PAIRS,
        table(("Caller", "Target", "In part", "Refused", "Left out"), list(_pairs(found))),
    )) + "\n"  # fmt: skip
