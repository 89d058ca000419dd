"""The code keeps the house rules of STYLE.md, and each rule can fail."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import tidy_rules as rules

import faregate

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "faregate"
TESTS = ROOT / "tests"
IMPORT_CONTRACTS = ROOT / ".importlinter"
EXCEPTIONS = tomllib.loads((TESTS / "tidy_exceptions.toml").read_text())

# Raising one of these is a decision for a reviewer, not for a passing test.
EXCEPTIONS_MAX = {"function_lines": 0, "module_lines": 0, "untested_modules": 1}

CODE_FOLDERS = ("src", "tests", "bench", "docs", ".ci", "requirements")
SKIPPED_FOLDERS = {"__pycache__", ".work", ".hypothesis"}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ".lua", ".mako"}
HEAVY_LIBRARIES = {"alembic", "prometheus_client", "psycopg", "rich", "sqlalchemy", "typer"}


def _files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts):
                yield path


def _code(*folders: str) -> list[Path]:
    return [path for path in _files(*folders) if path.suffix == ".py"]


def _texts() -> list[Path]:
    at_root = [path for path in sorted(ROOT.iterdir()) if path.is_file()]
    return [
        path
        for path in (*at_root, *_files(*CODE_FOLDERS))
        if path.suffix in TEXT_SUFFIXES or path.name in {"Makefile", "run", ".importlinter"}
    ]


def _problems(paths: list[Path], rule: Callable[[str], list[str]]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in paths
        for problem in rule(path.read_text())
    ]


def check_none(problems: list[str]) -> None:
    """Fail with one problem a line."""
    assert not problems, "\n" + "\n".join(sorted(problems))


PYTHON = _code("src", "tests", "bench", "docs")
PRODUCT = _code("src")


def test_lines_are_short():
    check_none(_problems(PYTHON, rules.long_lines))


def test_functions_are_short():
    measured = {
        f"{path.relative_to(ROOT)}:{name}": lines
        for path in PYTHON
        for name, lines in rules.function_lines(path.read_text()).items()
    }
    allowed = EXCEPTIONS["function_lines"]
    check_none(rules.ratchet(measured, allowed, rules.FUNCTION_LINES_MAX))


def test_modules_are_short():
    measured = {
        str(path.relative_to(ROOT)): rules.module_lines(path.read_text()) for path in PYTHON
    }
    check_none(rules.ratchet(measured, EXCEPTIONS["module_lines"], rules.MODULE_LINES_MAX))


def test_exceptions_only_shrink():
    assert {name: len(entries) for name, entries in EXCEPTIONS.items()} == EXCEPTIONS_MAX


def _untested(source: Path, tests: Path) -> set[str]:
    modules = (path.relative_to(source) for path in sorted(source.rglob("*.py")))
    return {
        module.as_posix()
        for module in modules
        # Migrations are tested as the chain that they are: tests/storage/test_database.py.
        if "migrations" not in module.parts
        and (module.name != "__init__.py" or rules.holds_code((source / module).read_text()))
        and not (tests / rules.expected_test(module)).exists()
    }


def test_every_module_has_its_test():
    allowed = set(EXCEPTIONS["untested_modules"])
    untested = _untested(SOURCE, TESTS)
    check_none([f"src/faregate/{module} has no test file" for module in untested - allowed])
    check_none([f"{module} no longer needs its exception" for module in allowed - untested])


def test_nothing_is_left_unfinished():
    check_none(_problems([path for path in _texts() if path.suffix != ".md"], rules.unfinished))


def test_names_say_something():
    problems = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in PYTHON
        for problem in rules.banned_names(path.relative_to(ROOT), path.read_text())
    ]
    check_none(problems)


def test_public_things_are_documented():
    migrations = SOURCE / "storage" / "migrations" / "versions"
    paths = [path for path in PRODUCT if migrations not in path.parents]
    check_none(_problems(paths, rules.docstring_problems))


def test_every_test_file_states_its_promise():
    problems = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in _code("tests", "bench", "docs")
        for problem in rules.docstring_problems(path.read_text())
        if problem.startswith("the module has no") and path.name != "__init__.py"
    ]
    check_none(problems)


def test_no_place_of_a_machine_or_registry():
    check_none(_problems(_texts(), rules.foreign_places))


def test_money_is_never_a_float():
    check_none(_problems(PRODUCT, rules.float_money))


def test_every_test_asserts():
    paths = [path for path in _code("tests") if path.name.startswith("test_")]
    check_none(_problems(paths, rules.tests_without_assertion))


# -- imports -------------------------------------------------------------------------------------


def _contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(IMPORT_CONTRACTS)
    return parser


def _listed(contract: str, option: str) -> list[str]:
    return _contracts()[f"importlinter:contract:{contract}"][option].split()


def _lint_imports(
    folder: Path, config: Path = IMPORT_CONTRACTS, contracts: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; "
        f"sys.exit(lint_imports({str(config)!r}, limit_to_contracts={contracts}, no_cache=True))"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60
    )


def _lint_imports_for_types(folder: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Count imports for the type checker too: they may form cycles, but keep the floors."""
    config = tmp_path / ".importlinter"
    excluding = "exclude_type_checking_imports = True"
    text = IMPORT_CONTRACTS.read_text()
    assert excluding in text
    config.write_text(text.replace(excluding, "exclude_type_checking_imports = False"))
    return _lint_imports(folder, config, ("floors", "decide", "planes"))


def _copy_source(folder: Path) -> Path:
    copy = folder / "faregate"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_imports_keep_the_floors():
    result = _lint_imports(SOURCE.parent)
    assert result.returncode == 0, result.stdout


def _floor(*positions: int) -> set[str]:
    layers = _contracts()["importlinter:contract:floors"]["layers"].strip().split("\n")
    names = {name.strip("()") for at in positions for name in re.findall(r"[\w()]+", layers[at])}
    return {f"faregate.{name}" for name in names if (SOURCE / name / "__init__.py").exists()}


def test_import_contracts_name_every_package():
    # import-linter refuses a contract on a package that isn't there yet, so the lists are exact.
    assert _listed("decide", "source_modules") == sorted(_floor(-3, -2, -1))
    # The management API works on storage itself (docs/decisions/0023).
    assert _listed("planes", "source_modules") == sorted({*_floor(2)} - {"faregate.control"})
    drivers = {
        f"faregate.{name}"
        for name in ("storage", "tally")
        if (SOURCE / name / "__init__.py").exists()
    }
    assert drivers <= set(_listed("planes", "forbidden_modules"))


def test_imports_for_types_keep_the_floors(tmp_path: Path):
    result = _lint_imports_for_types(SOURCE.parent, tmp_path)
    assert result.returncode == 0, result.stdout


def test_an_import_for_types_past_the_floors_is_found(tmp_path: Path):
    copy = _copy_source(tmp_path)
    planted = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import faregate.gate.ports\n"
    )
    (copy / "core" / "planted.py").write_text(planted)
    assert "Imports go down only KEPT" in _lint_imports(tmp_path).stdout
    result = _lint_imports_for_types(tmp_path, tmp_path)
    assert "Imports go down only BROKEN" in result.stdout


def test_import_contracts_can_fail(tmp_path: Path):
    copy = _copy_source(tmp_path)
    (copy / "core" / "planted.py").write_text("import socket\n")
    (copy / "identity" / "planted.py").write_text("import faregate.gate\n")
    (copy / "gate" / "planted.py").write_text("import sqlalchemy\n")
    (copy / "calllog" / "planted_one.py").write_text("import faregate.calllog.planted_two\n")
    (copy / "calllog" / "planted_two.py").write_text("import faregate.calllog.planted_one\n")
    result = _lint_imports(tmp_path)
    contracts = [name for name in _contracts() if name.startswith("importlinter:contract:")]
    names = [_contracts()[contract]["name"] for contract in contracts]
    assert result.returncode == 1, result.stderr
    assert [name for name in names if f"{name} BROKEN" not in result.stdout] == []


def test_a_package_without_a_floor_is_refused(tmp_path: Path):
    copy = _copy_source(tmp_path)
    (copy / "attic").mkdir()
    (copy / "attic" / "__init__.py").write_text("")
    result = _lint_imports(tmp_path)
    assert "Imports go down only BROKEN" in result.stdout
    assert "attic" in result.stdout


# -- each rule can fail --------------------------------------------------------------------------

PLANTED = {
    "long line": (rules.long_lines, "x = '" + "y" * 96 + "'"),
    "unfinished": (rules.unfinished, "# TO" + "DO: later"),
    "no module docstring": (rules.docstring_problems, "x = 1"),
    "no class docstring": (rules.docstring_problems, '"""M."""\nclass Gate:\n    x = 1'),
    "no method docstring": (
        rules.docstring_problems,
        '"""M."""\nclass Gate:\n    """G."""\n    def open(self): ...',
    ),
    "no docstring behind a condition": (
        rules.docstring_problems,
        '"""M."""\nif True:\n    def find(): ...',
    ),
    "long summary": (rules.docstring_problems, f'"""{"m" * 72}"""'),
    "a path of a machine": (rules.foreign_places, "see /" + "work/main/notes"),
    "a home folder": (rules.foreign_places, '"/' + 'home/ann/faregate"'),
    "a registry": (rules.foreign_places, "https://" + "pypi" + ".org/simple"),
    "an index option": (rules.foreign_places, "--index" + "-url https://mirror.example"),
    "a download": (rules.foreign_places, "https" + "://example.org/faregate-0.1.0.whl"),
    "float argument": (rules.float_money, "def pay(amount: float): ..."),
    "float field": (rules.float_money, "class Offer:\n    input_price: float | None = None"),
    "float result": (rules.float_money, "def total_cost() -> 'float': ..."),
    "float constant": (rules.float_money, "charge = 0.5"),
    "float conversion": (rules.float_money, "self.balance = float(text)"),
    "test without assertion": (rules.tests_without_assertion, "def test_a():\n    run()"),
    "test whose call asserts nothing": (
        rules.tests_without_assertion,
        "def run(): return run()\ndef test_a():\n    run()",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_error_is_found(name: str):
    rule, text = PLANTED[name]
    assert len(rule(text)) == 1


SOUND = {
    "line of 100": (rules.long_lines, "x" * 100),
    "word that contains one": (rules.unfinished, "mas" + "TO" + "DON"),
    "private things": (rules.docstring_problems, '"""M."""\nclass _Gate:\n    def open(self): ...'),
    "foreign method": (
        rules.docstring_problems,
        '"""M."""\nclass Gate:\n    """G."""\n    def data_received(self, data): ...',
    ),
    "summary of 71": (rules.docstring_problems, f'"""{"m" * 71}"""'),
    "path below a variable": (rules.foreign_places, "$HOME/" + "work/notes and ~/" + "work/x"),
    "whole money": (rules.float_money, "def pay(amount_nano: int): ...\nduration: float = 0.5"),
    "raises": (rules.tests_without_assertion, "def test_a():\n    with raises(E): run()"),
    "asserts in a call": (
        rules.tests_without_assertion,
        "def same(a): assert a\ndef test_a():\n    same(1)",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_text_passes(name: str):
    rule, text = SOUND[name]
    assert rule(text) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/faregate/core/utils.py", ""),
        ("src/faregate/common/money.py", ""),
        ("src/faregate/core/money.py", "class KeyManager: ..."),
        ("src/faregate/core/money.py", "class CommonPart: ..."),
        ("src/faregate/core/money.py", "def run_helper(): ..."),
    ],
)
def test_planted_name_is_found(path: str, text: str):
    assert len(rules.banned_names(Path(path), text)) == 1


def test_ratchet_holds_both_ways():
    measured = {"new": 61, "grown": 80, "shrunk": 70, "mended": 60, "kept": 75, "short": 5}
    allowed = {"grown": 79, "shrunk": 71, "mended": 65, "kept": 75, "gone": 99}
    found = {problem.split()[0] for problem in rules.ratchet(measured, allowed, 60)}
    assert found == {"new", "grown", "shrunk", "mended", "gone"}


def test_length_is_counted_to_the_last_line():
    body = "\n".join(f"        x = {number}" for number in range(60))
    text = f"class Gate:\n    def open(self):\n{body}\n"
    assert rules.function_lines(text) == {"Gate.open": 61}
    assert rules.module_lines(text) == 62


def test_module_without_a_test_is_found(tmp_path: Path):
    source, tests = tmp_path / "src", tmp_path / "tests"
    for folder in (source / "core", tests / "core"):
        folder.mkdir(parents=True)
    (source / "core" / "__init__.py").write_text('"""Core."""\n')
    (source / "core" / "ids.py").write_text("")
    (source / "core" / "clock.py").write_text("")
    (tests / "core" / "test_ids.py").write_text("")
    assert _untested(source, tests) == {"core/clock.py"}


@pytest.mark.parametrize("module", ["faregate.app", "faregate.cli.main", "faregate.supervisor"])
def test_processes_start_light(module: str):
    path = SOURCE.joinpath(*module.split(".")[1:])
    if not path.is_dir() and not path.with_suffix(".py").exists():
        pytest.skip(f"{module} is not here yet")
    program = f"import {module}, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    allowed = {"typer", "rich"} if module == "faregate.cli.main" else set()
    assert set(result.stdout.split()) & HEAVY_LIBRARIES <= allowed


def test_the_checkout_is_what_is_tested():
    assert Path(faregate.__file__).parent == SOURCE
