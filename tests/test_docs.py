"""The documentation is complete, current, and true where a machine can tell."""

import importlib
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from docs import generate
from msgspec import inspect as shapes
from tests.dialects.specimen_refusals import CALL_ID, REFUSALS

from faregate.configuration.document import Document
from faregate.configuration.load import load
from faregate.control.cookies import CSRF_COOKIE, SESSION_COOKIE
from faregate.core.errors import ConfigurationError
from faregate.core.refusals import KINDS, Fix, refuse
from faregate.dialects import problem
from faregate.dialects.refusal_members import Members
from faregate.identity.keys import generate_key
from faregate.identity.permissions import PERMISSIONS

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("bench/*.md")])

COOKIES = {CSRF_COOKIE, SESSION_COOKIE}
OPERATIONS_PATHS = ("/healthz", "/readyz", "/metrics", "/status")

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`([^`\n]+)`")

Commands = Mapping[str, frozenset[str]]


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _in_pages(problems: Callable[[Path], Iterable[str | None]]) -> list[str]:
    """The problems of all pages, with the page before each."""
    found = ((page, problem) for page in PAGES for problem in problems(page))
    return [f"{_shown(page)}: {problem}" for page, problem in found if problem]


# -- generated parts -----------------------------------------------------------------------------


def test_generated_parts_are_current():
    assert [_shown(path) for path in generate.stale(generate.pages())] == []


def test_a_stale_part_is_found(tmp_path: Path):
    page = tmp_path / "settings.md"
    page.write_text("as it was")
    assert generate.stale({page: "as it is", tmp_path / "missing.md": ""}) == [
        page,
        tmp_path / "missing.md",
    ]


def test_prose_survives_regeneration():
    kind = KINDS["key_missing"]
    prose = "\n## What it means\n\nWritten by a person.\n"
    page = generate.refusal_page(kind, f"an old head\n{generate.HEAD_ENDS}\n{prose}")
    assert page == f"{generate.refusal_head(kind)}{prose}"
    assert generate.refusal_page(kind, page) == page


# -- settings ------------------------------------------------------------------------------------


def _fields() -> Iterator[tuple[str, type, shapes.Field]]:
    document = shapes.type_info(Document)
    assert isinstance(document, shapes.StructType)
    for path, shape in generate.sections("", document):
        for field in shape.fields:
            yield f"{path}.{field.encode_name}".lstrip("."), shape.cls, field


def test_every_setting_is_explained():
    comments = generate.document_comments()
    page = (REFERENCE / "settings.md").read_text()
    missing = [path for path, _, _ in _fields() if f"| `{path}` |" not in page]
    silent = [
        path
        for path, owner, field in _fields()
        if not generate.explained(owner, field.name, comments)
        and "section" not in generate.describe(field.type)
    ]
    assert (missing, silent) == ([], [])


def test_comments_are_read_whole():
    source = "class A:\n    # First line\n    # and second.\n    x: int = 1\n    y: int\n"
    assert generate.field_comments(source) == {"A": {"x": "First line and second.", "y": ""}}


# -- refusals ------------------------------------------------------------------------------------


def prose_problems(page: str) -> list[str]:
    """What a refusal's page leaves unsaid."""
    prose = page.partition(generate.HEAD_ENDS)[2]
    parts = {
        "what it means": r"## What it means\n\n(.+?)\n\n## ",
        "what the caller does": r"^- Caller:(.+?)(?=^- |\Z)",
        "what the operator does": r"^- Operator:(.+?)(?=^- |\Z)",
    }
    return [
        name
        for name, pattern in parts.items()
        if not (found := re.search(pattern, prose, re.MULTILINE | re.DOTALL))
        or len(found.group(1).split()) < 2
    ]


@pytest.mark.parametrize("code", KINDS)
def test_every_refusal_has_its_page(code: str):
    page = (REFERENCE / "refusals" / f"{code}.md").read_text()
    assert prose_problems(page) == []


def test_examples_of_refusals_are_what_the_gate_says():
    said = {(each.code, each.status): each for each in REFUSALS}
    shown = 0
    for code in KINDS:
        page = (REFERENCE / "refusals" / f"{code}.md").read_text()
        for document in map(json.loads, examples(page, "json")):
            refusal = said[document["code"], document["status"]]
            assert document["code"] == code
            assert json.loads(problem.render(refusal, CALL_ID)[1]) == document
            shown += 1
    assert shown >= 15


def test_no_page_without_a_refusal():
    pages = {path.stem for path in (REFERENCE / "refusals").glob("*.md")} - {"README"}
    assert pages == set(KINDS)


def test_an_empty_page_is_found():
    assert len(prose_problems(generate.refusal_page(KINDS["key_missing"], None))) == 3


# -- metrics and paths ---------------------------------------------------------------------------


def test_every_metric_is_explained():
    metrics = importlib.import_module("faregate.monitor.metrics").METRICS
    page = (REFERENCE / "metrics.md").read_text()
    assert [metric.name for metric in metrics if f"| `{metric.name}` |" not in page] == []


def metric_names(text: str) -> set[str]:
    """Metrics that a text names."""
    found = set(re.findall(r"\bfaregate_[a-z_]+\b(?!\.py)", text)) - COOKIES
    return {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in found}


def test_metrics_in_the_docs_exist():
    metrics = importlib.import_module("faregate.monitor.metrics").METRICS
    named = {name for page in PAGES for name in metric_names(page.read_text())}
    assert named <= {metric.name for metric in metrics}


def test_every_path_is_explained():
    page = (REFERENCE / "api.md").read_text()
    paths = importlib.import_module("faregate.gate.snapshot").PATHS
    assert [path for path in (*paths, *OPERATIONS_PATHS) if f"| `{path}` |" not in page] == []


# -- links ---------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings make."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links of `page` that lead nowhere."""
    broken = []
    for link in LINK.findall(CODE_SPAN.sub("", FENCE.sub("", text))):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    return broken


def test_links_lead_somewhere():
    assert _in_pages(lambda page: broken_links(page, page.read_text())) == []


def test_a_broken_link_is_found():
    text = "[a](README.md) [b](missing.md) [c](#here) [d](#gone) [e](https://example.org)\n# Here\n"
    page = ROOT / "README.md"
    assert broken_links(page, text) == ["missing.md", "#here", "#gone"]
    assert anchors("## `settings.gate` and *more*") == {"settingsgate-and-more"}


# -- examples ------------------------------------------------------------------------------------


def examples(text: str, language: str) -> list[str]:
    """The example blocks of one language."""
    return [body for info, body in FENCE.findall(text) if info.split()[:1] == [language]]


def syntax_problem(language: str, body: str) -> str | None:
    """What is wrong with an example's syntax."""
    if language == "sh":
        shell = ["bash", "-n"]
        checked = subprocess.run(shell, input=body, capture_output=True, text=True, timeout=20)
        return checked.stderr or None
    try:
        if language == "py":
            compile(body, "example", "exec")
        else:
            json.loads(body)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None


def _syntax_problems(page: Path) -> Iterator[str | None]:
    for language in ("py", "sh", "json"):
        for body in examples(page.read_text(), language):
            yield syntax_problem(language, body)


def test_examples_can_be_read():
    assert _in_pages(_syntax_problems) == []


def test_a_broken_example_is_found():
    assert syntax_problem("py", "client = OpenAI(") is not None
    assert syntax_problem("sh", "curl 'no end") is not None
    assert syntax_problem("json", '{"code": ...}') is not None


def test_the_readmes_refusal_is_what_the_gate_says():
    shown = json.loads(examples((ROOT / "README.md").read_text(), "json")[0])
    fixes = tuple(Fix(fix["text"]) for fix in shown["fixes"])
    refusal = refuse("model_unknown", shown["detail"], scope="model", param="model", fixes=fixes)
    fields, body = problem.render(refusal, shown["call_id"])
    assert json.loads(body) == shown
    assert ("x-should-retry", "false") in fields


def test_every_member_of_a_refusal_is_explained():
    guide = (ROOT / "docs" / "guides" / "refusals.md").read_text()
    rows = re.findall(r"^\| (`.+?) \|", guide, re.MULTILINE)
    explained = {name for row in rows for name in CODE_SPAN.findall(row)}
    assert set(Members.__struct_encode_fields__) <= explained


def test_readme_shows_how_to_call():
    runnable = [info for info, _ in FENCE.findall((ROOT / "README.md").read_text())]
    assert runnable.count("sh runnable") >= 4
    assert runnable.count("py runnable") >= 1


# -- commands ------------------------------------------------------------------------------------


def _commands() -> dict[str, frozenset[str]]:
    """Every command with its options."""
    return {
        name: frozenset(
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-")
        )
        | {"--help"}
        for name, command, _ in generate.all_commands()
    }


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of every `faregate ...` in code."""
    lines = [line for body in examples(text, "sh") for line in body.splitlines()]
    lines += CODE_SPAN.findall(FENCE.sub("", text))
    for line in lines:
        found = re.search(r"(?:^|[ /])faregate( .*)?$", line.split(" #")[0].strip())
        if found and not line.startswith("python"):
            yield shlex.split(found.group(1) or "")


def command_problem(words: list[str], commands: Commands) -> str | None:
    """What is wrong with a command as written: no such command, no such option."""
    name = "faregate"
    rest = list(words)
    while rest and f"{name} {rest[0]}" in commands:
        name += f" {rest.pop(0)}"
    is_group = any(other.startswith(f"{name} ") for other in commands)
    if is_group and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        return f"{name} {rest[0]}: there is no such command"
    known = commands[name] | commands["faregate"]
    options = [word for word in rest if re.match(r"-(?![\d.])", word)]  # -5.00 is an amount
    unknown = [word for word in options if word.split("=")[0] not in known]
    return f"{name}: there is no option {unknown[0]}" if unknown else None


def test_commands_in_the_docs_exist():
    commands = _commands()
    problems = _in_pages(
        lambda page: (command_problem(line, commands) for line in command_lines(page.read_text()))
    )
    assert problems == []


def test_every_command_is_explained_with_an_example():
    page = (REFERENCE / "commands.md").read_text()
    sections = dict(re.findall(r"^## (faregate[^\n]*)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    groups = {name.rpartition(" ")[0] for name in sections}
    assert set(sections) == set(_commands())
    assert [
        name for name, body in sections.items() if name not in groups and "```sh" not in body
    ] == []


def test_a_wrong_command_is_found():
    commands = {
        "faregate": frozenset({"--home"}),
        "faregate keys": frozenset(),
        "faregate keys create": frozenset({"--model"}),
    }
    text = "`faregate keys create shop --model a`\n```sh\nfaregate keys make  # comment\n```\n"
    right, wrong = sorted(command_lines(text), key=len, reverse=True)
    assert command_problem(right, commands) is None
    assert command_problem(wrong, commands) == "faregate keys make: there is no such command"
    assert command_problem(["keys", "create", "--modle=a"], commands) is not None
    assert command_problem(["keys", "create", "--home", "h"], commands) is None


def test_examples_in_help_become_code():
    text = "Make a key.\n\nIt is shown\nonce.\n\nExample: faregate keys create shop\n"
    shown = "Make a key.\n\nIt is shown once.\n\n```sh\nfaregate keys create shop\n```"
    assert generate.help_text(text) == shown


# -- make and the environment --------------------------------------------------------------------


def make_targets(text: str) -> set[str]:
    """Targets that a text tells people to make."""
    lines = [line for body in examples(text, "sh") for line in body.splitlines()]
    lines += CODE_SPAN.findall(FENCE.sub("", text))
    return {found.group(1) for line in lines if (found := re.match(r"make ([a-z-]+)", line))}


def test_targets_in_the_docs_exist():
    known = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert _in_pages(lambda page: make_targets(page.read_text()) - known) == []
    assert make_targets("`make bench`, and\n```sh\nmake run  # this\n```\n") == {"bench", "run"}


def variables(text: str) -> set[str]:
    """Our variables of the environment that a text names."""
    return set(re.findall(r"\bFAREGATE_[A-Z_]*[A-Z]\b", text))


def test_every_variable_is_explained():
    guide = (ROOT / "docs" / "guides" / "configuration.md").read_text()
    code = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    assert set().union(*map(variables, code)) == variables(guide)


# -- configuration -------------------------------------------------------------------------------


def setting_names(text: str) -> set[str]:
    """Settings that a text names, alone or with a value."""
    return set(re.findall(r"`(settings\.[a-z_.]+)(?::[^`]*)?`", text)) - set(PERMISSIONS)


def test_settings_in_the_docs_exist():
    known = {path for path, _, _ in _fields()}
    assert _in_pages(lambda page: setting_names(page.read_text()) - known) == []


def configuration_problem(body: str) -> str | None:
    """What is wrong with an example of faregate.yaml."""
    named = {name: generate_key() for name in re.findall(r"\$\{env:(\w+)\}", body)}
    try:
        load(body, environment=named)
    except ConfigurationError as error:
        return str(error)
    return None


def test_configuration_examples_can_be_applied():
    problems = _in_pages(
        lambda page: map(configuration_problem, examples(page.read_text(), "yaml"))
    )
    assert problems == []


def test_a_wrong_configuration_is_found():
    assert setting_names("`settings.gate.prot` `settings.a.b: 3`") == {
        "settings.gate.prot",
        "settings.a.b",
    }
    assert "faregate.yaml:3" in (configuration_problem("settings:\n  gate:\n    prot: 1\n") or "")
