"""Runs every SDK against every back end, prints what works, and writes the reference of it.

python -m tests.sdks.table [--check] [SDK ...]; with names, or --check, nothing is written.
"""

import contextlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.clients.gates import local_model
from tests.sdks import matrix
from tests.sdks.environments import ROOT, environments
from tests.sdks.matrix import ERRORS, KNOWN, SDKS, Call, Surface, problems
from tests.sdks.world import BACK_ENDS, EMBEDDING, World, world

PAGE: Final = ROOT / "docs" / "reference" / "sdks.md"
LOCAL: Final = "local"
AT_ONCE: Final = 2
COLUMNS: Final = {
    "openai": "OpenAI chat",
    "responses": "OpenAI responses",
    "anthropic": "Anthropic",
    "gemini": "Gemini",
    "bedrock": "Bedrock Converse",
    "cohere": "Cohere",
    "mistral": "Mistral",
    "ollama": "Ollama",
    LOCAL: "llama.cpp, a real model",
}
HEAD: Final = """# SDKs

The vendors' own SDKs, each in its own environment and at the version that is named, against a gate.
Written by `make sdks`, which runs all of it: every SDK speaks its own dialect to the gate, and the
columns are what the back ends speak. They are the [simulator](../guides/simulator.md), and a real
model behind llama.cpp.

"""
LEGEND: Final = """
What a number counts, each once whole and judged by what the SDK made of it:

| Case | Shows |
|---|---|
| chat | The text as it was made, in letters of several scripts; why it ended; tokens in and out. |
| stream | The same, in several pieces that are the whole together, with usage and an end. |
| tools | A call with its arguments, its result sent back, the answer that has it in. |
| streamed tools | The same, with the call put together from its pieces by the SDK. |
| parallel | Two calls at once with ids of their own, both results sent back. |
| structured | An object that fits a schema, read by the SDK where it has a parser. |
| embeddings | Two vectors for two texts, where SDK and back end have them. |

The real model is asked for a chat and a stream: it is too small for tools.
"""


def calls_of(surfaces: tuple[Surface, ...], *, local: bool) -> list[Call]:
    """All that an SDK is asked to show."""
    found: list[Call] = []
    for surface in surfaces:
        for back_end in BACK_ENDS:
            found += ((surface.name, case, back_end) for case in surface.cases)
            if surface.embeds and back_end in EMBEDDING:
                found.append((surface.name, "embeddings", back_end))
        found += ((surface.name, case, "openai") for case in ERRORS)
        if local:
            found += ((surface.name, case, LOCAL) for case in ("chat", "stream"))
    return found


def judged(name: str, told: dict[Call, dict[str, Any]]) -> dict[Call, list[str]]:
    """What is wrong with each call; a deviation that is known must still be there."""
    surfaces = {surface.name: surface for surface in SDKS[name]}
    found = {}
    for call, facts in told.items():
        wrong = problems(surfaces[call[0]], call[1], call[2], facts)
        known = (name, *call) in KNOWN
        if known and not wrong:
            wrong = ["it is known not to work, and works: take it out of KNOWN"]
        elif known:
            wrong = []
        found[call] = wrong
    return found


def main(arguments: list[str]) -> int:
    """The exit status: whether all is as it should be."""
    names = [name for name in arguments if name in SDKS] or list(SDKS)
    begun = time.monotonic()
    pythons = environments()
    print(f"environments: {time.monotonic() - begun:.1f} s")
    told: dict[str, dict[Call, dict[str, Any]]] = {}
    bad = 0
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(world(stack.enter_context(local_model())))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for name, facts, seconds in pool.map(lambda name: _run(name, pythons, place), names):
                told[name] = facts
                wrong = {call: each for call, each in judged(name, facts).items() if each}
                bad += len(wrong)
                print(f"{name}: {len(facts)} cases, {len(wrong)} wrong, {seconds:.1f} s")
                for call, each in wrong.items():
                    print(f"  {' / '.join(call)}: {'; '.join(each)[:600]}")
    text = page(told)
    print(text[text.index("| SDK") : text.index("\nWhat a number")])
    if not bad and not arguments:
        PAGE.write_text(text)
    return 1 if bad else 0


def _run(name: str, pythons: dict[str, Any], place: World) -> tuple[str, dict[Call, Any], float]:
    begun = time.monotonic()
    facts = matrix.run(name, pythons[name], place, calls_of(SDKS[name], local=True))
    return name, facts, time.monotonic() - begun


def page(told: dict[str, dict[Call, dict[str, Any]]]) -> str:
    """The reference, from what was told."""
    lines = [f"| SDK | {' | '.join(COLUMNS.values())} |", f"|---{'|---' * len(COLUMNS)}|"]
    for name, facts in told.items():
        for surface in SDKS[name]:
            cells = (_cell(name, surface, facts, back_end) for back_end in COLUMNS)
            lines.append(f"| {surface.title} | {' | '.join(cells)} |")
    notes = [
        f"- {title}, {case}: {why}"
        for (title, case), why in {
            (_surface(name, surface).title, case): why
            for (name, surface, case, _), why in KNOWN.items()
        }.items()
    ]
    if notes:
        notes = ["", "What doesn't work, and why:", "", *notes]
    errors = [
        "",
        "## Errors",
        "",
        "Refusals arrive as the SDK's own exceptions, with the status and Faregate's code in them.",
        "",
        f"| SDK | {' | '.join(ERRORS)} |",
        f"|---{'|---' * len(ERRORS)}|",
    ]
    for name, facts in told.items():
        for surface in SDKS[name]:
            cells = (_error(facts[surface.name, case, "openai"]) for case in ERRORS)
            errors.append(f"| {surface.title} | {' | '.join(cells)} |")
    table = "\n".join(lines + notes)
    return f"{HEAD}{table}\n{LEGEND}" + "\n".join(errors) + "\n"


def _surface(name: str, surface: str) -> Surface:
    return next(each for each in SDKS[name] if each.name == surface)


def _cell(name: str, surface: Surface, facts: dict[Call, dict[str, Any]], back_end: str) -> str:
    asked = [call for call in facts if (call[0], call[2]) == (surface.name, back_end)]
    asked = [call for call in asked if call[1] not in ERRORS]
    right = [call for call in asked if not problems(surface, call[1], back_end, facts[call])]
    wrong = [call[1] for call in asked if call not in right]
    without = f", not {', '.join(wrong)}" if wrong else ""
    return f"{len(right)} of {len(asked)}{without}" if asked else "-"


def _error(told: dict[str, Any]) -> str:
    if "failed" in told:
        return "?"
    return f"`{told['exception']}` {told['status']} `{told['code']}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
