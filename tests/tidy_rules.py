"""The house rules as functions: source text in, problems out; `test_tidy` applies them.

A problem is one line that names the place. Rules judge text alone, so each can be shown a
planted error.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

LINE_CHARACTERS_MAX = 100
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 500
SUMMARY_CHARACTERS_MAX = 71

BANNED_IN_ANY_NAME = {"util", "utils", "helper", "helpers", "manager", "managers"}
BANNED_IN_TYPE_NAMES = BANNED_IN_ANY_NAME | {"common"}

# Called by libraries; what they mean is written there.
FOREIGN_METHODS = {
    "buffer_updated", "connection_lost", "connection_made", "data_received", "eof_received",
    "get_buffer", "pause_writing", "resume_writing",
    "on_body", "on_chunk_complete", "on_chunk_header", "on_header", "on_headers_complete",
    "on_message_begin", "on_message_complete", "on_status", "on_url",
}  # fmt: skip

MONEY_WORDS = {
    "amount", "balance", "charge", "charges", "cost", "costs", "credit", "fee", "money", "nano",
    "price", "prices", "usd", "wallet",
}  # fmt: skip

# Spelt with [x] for one letter so that this file passes its own rules.
UNFINISHED = re.compile(r"\b(T[O]DO|FIX[M]E|X[X]X)\b")
FOREIGN_PLACES = (
    (
        "the path of a machine",
        re.compile(r"(?<![\w.$~/}>-])/(?:work|root|Users/\w+|home/\w+)/"),
    ),
    (
        "a package registry",
        re.compile(r"p[y]pi\.(?:org|python)|python[h]osted|n[p]mjs\.|registry\.(?:n[p]m|y[a]rn)"),
    ),
    ("an index address", re.compile(r"(?:extra-)?index[-]url")),
    (
        "a download address",
        re.compile(r"https?://[^\s\"')>]+\.(?:whl|tar\.gz|tgz|tar\.xz|zip|gguf|deb|rpm)\b"),
    ),
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def definitions(
    body: list[ast.stmt], prefix: str = "", *, inner: bool = True
) -> Iterator[tuple[str, Definition]]:
    """Every class and function with its dotted name; `inner` goes into functions as well."""
    for node in body:
        if isinstance(node, _DEFINITIONS):
            name = f"{prefix}{node.name}"
            yield name, node
            if isinstance(node, ast.ClassDef) or inner:
                yield from definitions(node.body, f"{name}.", inner=inner)
        else:
            for block in ("body", "orelse", "finalbody"):
                nested = getattr(node, block, None)
                if isinstance(nested, list):
                    yield from definitions(nested, prefix, inner=inner)


def long_lines(text: str) -> list[str]:
    """Lines of more than 100 characters."""
    return [
        f"line {number} has {len(line)} characters; {LINE_CHARACTERS_MAX} are allowed"
        for number, line in enumerate(text.splitlines(), 1)
        if len(line) > LINE_CHARACTERS_MAX
    ]


def module_lines(text: str) -> int:
    """How long a module is."""
    return len(text.splitlines())


def function_lines(text: str) -> dict[str, int]:
    """How long each function is, by its dotted name."""
    return {
        name: (node.end_lineno or node.lineno) - node.lineno + 1
        for name, node in definitions(ast.parse(text).body)
        if isinstance(node, _FUNCTIONS)
    }


def ratchet(measured: Mapping[str, int], allowed: Mapping[str, int], limit: int) -> list[str]:
    """What is above `limit`, except as recorded in `allowed`, which may only shrink."""
    problems = []
    for name, lines in sorted(measured.items()):
        record = allowed.get(name)
        if record is None and lines > limit:
            problems.append(f"{name} has {lines} lines; {limit} are allowed")
        elif record is not None and lines > record:
            problems.append(f"{name} grew to {lines} lines; {record} are recorded: shorten it")
        elif record is not None and lines <= limit:
            problems.append(f"{name} no longer needs its exception: remove it")
        elif record is not None and lines < record:
            problems.append(f"{name} shrank to {lines} lines: record that instead of {record}")
    problems += [
        f"{name} is gone: remove its exception" for name in allowed if name not in measured
    ]
    return problems


def unfinished(text: str) -> list[str]:
    """Marks of unfinished work."""
    return [
        f"line {number} says {found.group(1)}"
        for number, line in enumerate(text.splitlines(), 1)
        if (found := UNFINISHED.search(line))
    ]


def banned_names(path: Path, text: str) -> list[str]:
    """Names that say nothing: of modules and folders, classes and functions."""
    problems = [
        f"the name {part!r} says nothing"
        for part in (*path.parts[:-1], path.stem)
        if words(part) & BANNED_IN_TYPE_NAMES
    ]
    for name, node in definitions(ast.parse(text).body):
        banned = BANNED_IN_TYPE_NAMES if isinstance(node, ast.ClassDef) else BANNED_IN_ANY_NAME
        if words(node.name) & banned:
            problems.append(f"line {node.lineno}: the name {name!r} says nothing")
    return problems


def _is_exempt(name: str, node: Definition) -> bool:
    parts = name.split(".")
    if any(part.startswith("_") for part in parts):
        return True
    marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(marks & {"setter", "overload"}) or (len(parts) > 1 and node.name in FOREIGN_METHODS)


def docstring_problems(text: str) -> list[str]:
    """Public things without a docstring, or whose first line is not one short fact."""
    tree = ast.parse(text)
    documented: list[tuple[str, ast.Module | Definition]] = [("the module", tree)]
    documented += [
        (f"line {node.lineno}: {name}", node)
        for name, node in definitions(tree.body, inner=False)
        if not _is_exempt(name, node)
    ]
    problems = []
    for place, node in documented:
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        if not summary:
            problems.append(f"{place} has no docstring")
        elif len(summary) > SUMMARY_CHARACTERS_MAX:
            problems.append(
                f"{place}: the docstring's first line has {len(summary)} characters; "
                f"{SUMMARY_CHARACTERS_MAX} are allowed"
            )
    return problems


def foreign_places(text: str) -> list[str]:
    """Paths of a machine, registries, download addresses."""
    return [
        f"line {number} names {what}: {found.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FOREIGN_PLACES
        if (found := pattern.search(line))
    ]


def _mentions_float(annotation: ast.expr | None) -> bool:
    return annotation is not None and any(
        (isinstance(part, ast.Name) and part.id == "float")
        or (isinstance(part, ast.Constant) and part.value == "float")
        for part in ast.walk(annotation)
    )


def float_money(text: str) -> list[str]:
    """Amounts that are annotated as, or made into, floats."""
    problems = []
    for node in ast.walk(ast.parse(text)):
        name, is_float = "", False
        if isinstance(node, ast.arg):
            name, is_float = node.arg, _mentions_float(node.annotation)
        elif isinstance(node, ast.AnnAssign):
            name, is_float = ast.unparse(node.target), _mentions_float(node.annotation)
        elif isinstance(node, _FUNCTIONS):
            name, is_float = node.name, _mentions_float(node.returns)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            value = node.value
            name = ast.unparse(node.targets[0])
            is_float = (isinstance(value, ast.Call) and ast.unparse(value.func) == "float") or (
                isinstance(value, ast.Constant) and isinstance(value.value, float)
            )
        if is_float and words(name) & MONEY_WORDS:
            problems.append(f"line {node.lineno}: {name} is money and a float")
    return problems


def _called(node: ast.AST) -> set[str]:
    return {
        ast.unparse(call.func).rpartition(".")[2]
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
    }


def tests_without_assertion(text: str) -> list[str]:
    """Tests that can't fail: no assert, no raises, no call of something that asserts."""
    tree = ast.parse(text)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)}
    asserting = {
        name
        for name, node in functions.items()
        if any(isinstance(part, ast.Assert | ast.Raise) for part in ast.walk(node))
    }

    def asserts(name: str, node: ast.AST, seen: frozenset[str]) -> bool:
        if name in asserting:
            return True
        calls = _called(node)
        if calls & {"raises", "warns", "fail"} or any(
            call.startswith(("assert_", "check_", "expect_")) for call in calls
        ):
            return True
        return any(
            asserts(call, functions[call], seen | {name})
            for call in calls
            if call in functions and call not in seen | {name}
        )

    return [
        f"line {node.lineno}: {name} asserts nothing"
        for name, node in functions.items()
        if name.startswith("test_") and not asserts(name, node, frozenset())
    ]


def expected_test(module: Path) -> Path:
    """Where the tests of `module` (a path below src/faregate) are, below tests/."""
    return module.parent / f"test_{module.stem}.py"


def holds_code(text: str) -> bool:
    """Whether a module does more than name and document things."""
    return any(
        not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.Expr)
        for node in ast.parse(text).body
    )
