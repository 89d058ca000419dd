"""Which SDK shows what against which back end; what each case must have told."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.sdks.world import TEXT, World

SCRIPTS: Final = Path(__file__).parent / "scripts"
RUN_S_MAX: Final = 240

GENERATING: Final = ("chat", "stream", "tools", "streamed tools", "parallel", "structured")
WITHOUT_TOOLS: Final = ("chat", "stream", "structured")
ERRORS: Final = (
    "bad key", "unknown model", "no credit", "rate limit", "provider down", "provider overloaded",
)  # fmt: skip
REFUSED: Final = {  # status, code
    "bad key": (401, "key_unknown"),
    "unknown model": (404, "model_unknown"),
    "no credit": (402, "credit_exhausted"),
    "rate limit": (429, "rate_limited"),
    "provider down": (502, "upstream_unreachable"),
    "provider overloaded": (503, "provider_overloaded"),
}


@dataclass(frozen=True)
class Surface:
    """One API that an SDK speaks, and its words for the ends of an answer and of a call."""

    title: str
    name: str
    stop: str
    called: str
    cases: tuple[str, ...] = GENERATING
    embeds: bool = False
    tells_ids: bool = True


SDKS: Final[dict[str, tuple[Surface, ...]]] = {
    "openai": (
        Surface("openai 3.54, chat", "chat", "stop", "tool_calls", embeds=True),
        Surface("openai 3.54, responses", "responses", "completed", "completed"),
    ),
    "openai_2": (
        Surface("openai 2.54, chat", "chat", "stop", "tool_calls", embeds=True),
        Surface("openai 2.54, responses", "responses", "completed", "completed"),
    ),
    "anthropic": (Surface("anthropic 2.12", "messages", "end_turn", "tool_use"),),
    "google_genai": (Surface("google-genai 3.4", "gemini", "STOP", "STOP", embeds=True),),
    "mistralai": (Surface("mistralai 3.7", "chat", "stop", "tool_calls", embeds=True),),
    "cohere": (Surface("cohere 7.3", "chat", "COMPLETE", "TOOL_CALL", embeds=True),),
    "ollama": (
        Surface("ollama 0.6, chat", "chat", "stop", "stop", embeds=True, tells_ids=False),
        Surface("ollama 0.6, generate", "generate", "stop", "stop", WITHOUT_TOOLS),
    ),
    "langchain": (
        Surface("langchain-openai 1.7, chat", "chat", "stop", "tool_calls", embeds=True),
        Surface("langchain-openai 1.7, responses", "responses", "completed", "completed"),
        Surface("langchain-anthropic 1.7", "messages", "end_turn", "tool_use"),
    ),
    "pydantic_ai": (
        Surface("pydantic-ai 2.38, chat", "chat", "stop", "tool_call"),
        Surface("pydantic-ai 2.38, responses", "responses", "stop", "stop"),
    ),
}

Call = tuple[str, str, str]  # surface, case, back end

# SDK, surface, case, back end: what is known not to work, and why. `table` sees that it is so.
KNOWN: Final[dict[tuple[str, str, str, str], str]] = {}


def run(name: str, python: Path, place: World, calls: list[Call]) -> dict[Call, dict[str, Any]]:
    """What an SDK tells of these calls, in its own environment."""
    task = {"url": place.url, "keys": place.keys, "calls": calls}
    done = subprocess.run(
        [str(python), str(SCRIPTS / f"{name.removesuffix('_2')}_sdk.py")],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        check=False,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},  # no keys and no proxies of this machine
    )
    told = {}
    for line in done.stdout.splitlines():
        facts = json.loads(line)
        told[facts.pop("surface"), facts.pop("case"), facts.pop("back_end")] = facts
    missing = {"failed": f"nothing was told: {done.stderr[-1_500:]}"}
    return {call: told.get(call, missing) for call in calls}


# -- judging --------------------------------------------------------------------------------------


def problems(surface: Surface, case: str, back_end: str, told: dict[str, Any]) -> list[str]:
    """What is wrong with what a case told."""
    if "failed" in told:
        return [f"{told['failed']} ({told.get('at')})"]
    if case in REFUSED:
        return _of_error(case, told)
    expected: dict[str, Any] = {}
    if case == "embeddings":
        expected = {"vectors": 2}
        if told["length"] < 2:
            return [f"vectors of {told['length']} numbers"]
    elif case == "structured":
        if set(told["object"]) != {"city", "degrees"}:
            return [f"another object: {told['object']}"]
    elif back_end == "local":
        return [] if told["text"] and told.get("output") else [f"no answer: {told}"]
    elif case in ("chat", "stream"):
        expected = {"text": TEXT, "finish": surface.stop}
        return _differences(expected, told) + _of_usage(case, told)
    else:
        return _of_tools(surface, case, told)
    return _differences(expected, told)


def _differences(expected: dict[str, Any], told: dict[str, Any]) -> list[str]:
    return [
        f"{name} is {told.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if told.get(name) != value
    ]


def _of_usage(case: str, told: dict[str, Any]) -> list[str]:
    found = [f"{name} is {told.get(name)!r}" for name in ("input", "output") if not told.get(name)]
    if case == "stream" and told["pieces"] < 2:
        found.append("it came in one piece")
    if told.get("same") is False:
        found.append("the pieces are not the whole")
    return found


def _of_tools(surface: Surface, case: str, told: dict[str, Any]) -> list[str]:
    called = [call["name"] for call in told["calls"]]
    wanted = ["get_weather", "get_time"] if case == "parallel" else ["get_weather"]
    found = _differences({"finish": surface.called}, told)
    if called != wanted:
        found.append(f"calls are {called}")
    elif case != "parallel" and told["calls"][0]["arguments"] != {"city": 'Köln "Süd"'}:
        found.append(f"arguments are {told['calls'][0]['arguments']}")
    ids = {call["id"] for call in told["calls"]}
    if surface.tells_ids and (None in ids or len(ids) != len(wanted)):
        found.append(f"ids are {ids}")
    if "22 degrees" not in told["text"]:
        found.append(f"the final answer is {told['text']!r}")
    return found


def _of_error(case: str, told: dict[str, Any]) -> list[str]:
    status, code = REFUSED[case]
    return _differences({"status": status, "code": code, "base": True}, told)
