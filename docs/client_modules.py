"""Makes the Python client's operations from the OpenAPI document of the management API.

A module for each tag in src/faregate/client/operations: its types, and a function for each
operation, which makes a request. An operation that exists for the organisation and for one team is
one function, whose `team` chooses.
"""

import builtins
import keyword
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import msgspec

import faregate.configuration

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "src" / "faregate" / "client" / "operations"
SHARED = "shapes"
_REF = "#/components/schemas/"
_OWN = {"Problem", "FieldError", "Preview", "Staged"}  # the client has them by hand
_SIMPLE = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
_FORMATS = {"date-time": "dt.datetime", "date": "dt.date", "decimal": "Decimal"}
_HIDDEN_PARAMETERS = {"fields", "format", "If-Match", "Idempotency-Key"}

_PART = "The fields that were asked for with `fields`."  # which the client never asks for
_MONEY = re.compile(r"price|amount|cost")
_SUMMARY_MAX = 70
_ENDS = re.compile(r"[,;:.] ")

Tree = dict[str, Any]


def modules() -> dict[Path, str]:
    """The files of the folder, by path; formatted."""
    from faregate.control.app import create_app

    document = create_app(None, None).openapi()  # type: ignore[arg-type]
    made = _Writer(document).modules()
    return {FOLDER / f"{name}.py": _formatted(text) for name, text in made.items()}


def surplus() -> list[Path]:
    """Files that no tag stands for any more."""
    return sorted(set(FOLDER.glob("*.py")) - set(modules()))


class _Writer:
    """Writes the modules of one document."""

    def __init__(self, document: Tree) -> None:
        self._schemas: Tree = document["components"]["schemas"]
        self._operations: dict[str, list[Tree]] = defaultdict(list)
        found = [
            {**one, "method": method.upper(), "path": path}
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            # What only sends a browser elsewhere is for browsers.
            if any(status < "300" for status in one["responses"])
        ]
        by_id = {one["operationId"]: one for one in found}
        for one in found:
            verb, _, rest = one["operationId"].partition("_team_")
            whole = by_id.get(f"{verb}_{rest}") if rest else None
            if whole is not None and one["path"] == whole["path"].replace("/v1/", _TEAM, 1):
                whole["in_team"] = True
            else:
                self._operations[module_name(one["tags"][0])].append(one)
        self._homes = self._find_homes()

    def modules(self) -> dict[str, str]:
        made = {name: self._module(name, parts) for name, parts in self._operations.items()}
        if SHARED in self._homes.values():
            made[SHARED] = self._module(SHARED, [])
        names = sorted(made)
        lines = [f"from faregate.client.operations.{name} import * " for name in names]
        head = '"""All operations of the management API, and their types."""'
        made["__init__"] = f"{head}\n\n" + "\n".join(f"{line} # noqa: F403" for line in lines)
        return made

    def _find_homes(self) -> dict[str, str]:
        """The module of each type: its operations' own, or the shared one."""
        users: dict[str, set[str]] = defaultdict(set)
        for name, operations in self._operations.items():
            for one in operations:
                for used in self._all_used(one):
                    users[used].add(name)
        return {
            used: next(iter(names)) if len(names) == 1 else SHARED for used, names in users.items()
        }

    def _all_used(self, part: Any) -> set[str]:
        seen: set[str] = set()
        waiting = list(_references(part))
        while waiting:
            name = waiting.pop()
            if name in seen or name in _OWN or _known(name, self._schemas[name]):
                continue
            if _is_page(name, self._schemas[name]):
                waiting += _references(self._schemas[name]["properties"])
                continue
            seen.add(name)
            waiting += _references(self._schemas[name])
        return seen

    def _module(self, name: str, operations: list[Tree]) -> str:
        mine = [one for one, home in self._homes.items() if home == name]
        body = [self._struct(one) for one in self._ordered(mine)]
        body += [self._function(one) for one in sorted(operations, key=lambda o: o["operationId"])]
        text = "\n\n".join(body)
        title = name.replace("_", " ")
        what = "types of several kinds" if name == SHARED else title
        head = f'"""The management API: {what}. Written by `make docs`."""'
        names = [*sorted(mine), *sorted(one["operationId"] for one in operations)]
        exported = "__all__ = [" + ", ".join(f'"{one}"' for one in names) + "]"
        return f"{head}\n\n{self._imports(text, name)}\n\n{exported}\n\n{text}\n"

    def _imports(self, text: str, name: str) -> str:
        lines = []
        if "dt." in text:
            lines.append("import datetime as dt")
        if "Decimal" in text:
            lines.append("from decimal import Decimal")
        typing = [one for one in ("Any", "Literal") if re.search(rf"\b{one}\b", text)]
        if typing:
            lines.append(f"from typing import {', '.join(typing)}")
        if "msgspec." in text:
            lines.append("import msgspec")
        for path, names in _FROM_CLIENT.items():
            own = [one for one in names if _names(one, text)]
            if own:
                lines.append(f"from faregate.client.{path} import {', '.join(sorted(own))}")
        for place in sorted({home for home in self._homes.values() if home == SHARED} - {name}):
            used = [one for one, at in self._homes.items() if at == place and _names(one, text)]
            if used:
                path = f"faregate.client.operations.{place}"
                lines.append(f"from {path} import {', '.join(sorted(used))}")
        known: dict[str, list[str]] = defaultdict(list)
        for one, schema in self._schemas.items():
            module = _known(one, schema)
            if module and _names(one, text):
                known[module].append(one)
        lines += [f"from {path} import {', '.join(sorted(n))}" for path, n in sorted(known.items())]
        return "\n".join(lines)

    # -- types -----------------------------------------------------------------------------------

    def _ordered(self, names: list[str]) -> list[str]:
        """Those that others are made of first."""
        done: list[str] = []

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in done or name not in names or name in above:
                return
            for inner in sorted(set(_references(self._schemas[name]))):
                visit(inner, (*above, name))
            done.append(name)

        for name in sorted(names):
            visit(name, ())
        return done

    def _struct(self, name: str) -> str:
        schema = self._schemas[name]
        if "properties" not in schema and "enum" in schema:
            return f"{name} = {self._type(schema)}"
        text = _docstring(schema.get("description", f"{name}."))
        required = set(schema.get("required", ()))
        fields = dict(schema.get("properties", {}))
        marks = [n for n, inner in fields.items() if n in required and len(_values(inner)) == 1]
        options = "frozen=True, kw_only=True, omit_defaults=True"
        if len(marks) == 1:  # what tells it from others that may stand in its place
            options += f', tag_field="{marks[0]}", tag={_values(fields.pop(marks[0]))[0]!r}'
        lines = [f"class {name}(msgspec.Struct, {options}):", f"{text}\n"]
        for field, inner in fields.items():
            attribute = _attribute(field)
            kind = _of_money(field, self._type(inner))
            default = ""
            if field not in required:
                value = inner.get("default", msgspec.UNSET)
                if value is msgspec.UNSET and "None" not in kind:
                    kind, default = f"{kind} | msgspec.UnsetType", "msgspec.UNSET"
                else:
                    default = _literal(None if value is msgspec.UNSET else value, inner)
            if attribute != field:
                inside = f'name="{field}"' + (f", default={default}" if default else "")
                default = f"msgspec.field({inside})"
            lines.append(f"    {attribute}: {kind}" + (f" = {default}" if default else ""))
        return "\n".join(lines)

    def _type(self, schema: Tree) -> str:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(_REF)
            inner = self._schemas[name]
            return f"Page[{_item(inner)}]" if _is_page(name, inner) else name
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        for joined in ("anyOf", "oneOf"):
            if joined in schema:
                whole = [one for one in schema[joined] if one.get("description") != _PART]
                kinds = list(dict.fromkeys(map(self._type, whole)))
                return "Any" if "Any" in kinds else " | ".join(kinds)
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(_SIMPLE.get(one, "Any") for one in kind)
        if kind == "array":
            items = schema.get("items", {})
            return f"list[{self._type(items) if isinstance(items, dict) and items else 'Any'}]"
        if kind == "object":
            inner = schema.get("additionalProperties")
            return f"dict[str, {self._type(inner) if isinstance(inner, dict) and inner else 'Any'}]"
        if kind == "string":
            return _FORMATS.get(schema.get("format", ""), "str")
        return _SIMPLE.get(kind or "", "Any")

    # -- operations ------------------------------------------------------------------------------

    def _function(self, one: Tree) -> str:
        content = one.get("requestBody", {}).get("content", {})
        media_type = next(iter(content), None)
        patch = media_type == "application/merge-patch+json"
        reply, in_path = self._reply(one), _TEAM_PART in one["path"]
        named = [p for p in one["parameters"] if p["name"] not in _HIDDEN_PARAMETERS]
        paths = [p["name"] for p in named if p["in"] == "path"]
        queries = [p for p in named if p["in"] == "query"]
        both = bool(one.get("in_team"))
        waits = "Preview" in _references_of(one["responses"])
        hidden = {"team"} if both or in_path else set()
        hidden |= {"dry_run", "draft"} if waits else set()
        queries = [p for p in queries if p["name"] not in hidden]
        given = [f"{_argument(name)}: str" for name in paths]
        if media_type is not None:
            body = "dict[str, Any]" if patch else self._type(content[media_type]["schema"])
            given.append(f"body: {body}")
        versioned = any(p["name"] == "If-Match" for p in one["parameters"])
        more = ["version: str"] if versioned else []
        more += ["team: str | None = None"] if both else []
        more += [self._query_parameter(p) for p in queries]
        signature = ", ".join([*given, *(["*", *more] if more else [])])
        places = [f"{name}={_argument(name)}" for name in paths]
        places += ["team=team"] if both else []
        path = f"place({', '.join([_quoted(one['path']), *places])})"
        inside = [f'"{one["method"]}"', path, reply]
        if queries:
            pairs = [f"{p['name']}={_argument(p['name'])}" for p in queries]
            inside.append(f"query=asked({', '.join(pairs)})")
        inside += ["body=body"] if media_type is not None else []
        inside += ["media_type=MERGE_PATCH"] if patch else []
        inside += ["version=version"] if versioned else []
        keyed = any(p["name"] == "Idempotency-Key" for p in one["parameters"])
        inside += ["repeatable=True"] if keyed else []
        inside += ["may_wait=True"] if waits else []
        return (
            f"def {one['operationId']}({signature}) -> Request[{reply}]:\n"
            f"{_docstring(one['summary'])}\n"
            f"    return Request({', '.join(inside)})\n"
        )

    def _query_parameter(self, parameter: Tree) -> str:
        kind = _of_money(parameter["name"], self._type(parameter["schema"]))
        name = _argument(parameter["name"])
        if parameter.get("required"):
            return f"{name}: {kind}"
        return f"{name}: {kind if 'None' in kind else f'{kind} | None'} = None"

    def _reply(self, one: Tree) -> str:
        good = next(reply for status, reply in one["responses"].items() if status < "300")
        content = good.get("content")
        if not content:
            return "None"
        inner = content.get("application/json")
        if inner is None or "schema" not in inner:
            return "bytes"
        joined = inner["schema"].get("anyOf", ())
        kept = [kind for kind in joined if kind.get("$ref") != f"{_REF}Preview"]
        return self._type({"anyOf": kept} if kept else inner["schema"])


_TEAM = "/v1/teams/{team}/"
_TEAM_PART = "{team}"
_FROM_CLIENT = {
    "problems": ("FieldError", "Problem"),
    "requests": ("MERGE_PATCH", "Page", "Preview", "Request", "Staged", "asked", "place"),
}


def module_name(tag: str) -> str:
    """`Files and batches` is files_and_batches."""
    return re.sub(r"[^a-z0-9]+", "_", tag.lower()).strip("_")


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        target = part.get("$ref")
        if isinstance(target, str):
            yield target.removeprefix(_REF)
        for name, inner in part.items():
            if name != "x-patches":
                yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _references_of(part: Any) -> set[str]:
    return set(_references(part))


def _is_page(name: str, schema: Tree) -> bool:
    return name.endswith("Page") and set(schema.get("properties", ())) == {"items", "next_cursor"}


def _item(page: Tree) -> str:
    items = page["properties"]["items"]["items"]
    first = items["anyOf"][0] if "anyOf" in items else items
    return str(first["$ref"]).removeprefix(_REF) if "$ref" in first else "dict[str, Any]"


@cache
def _configured() -> dict[str, tuple[str, frozenset[str]]]:
    """The document's own types, which the client shares with it."""
    found = {}
    package = faregate.configuration
    for one in iter_modules(package.__path__, f"{package.__name__}."):
        module = import_module(one.name)
        for name, value in vars(module).items():
            is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
            if is_struct and value.__module__ == one.name:
                found[name] = (one.name, frozenset(value.__struct_encode_fields__))
    return found


def _known(name: str, schema: Tree) -> str | None:
    """The module of a type of the configuration; None for others."""
    module, fields = _configured().get(name, ("", frozenset()))
    return module if module and fields == set(schema.get("properties", ())) else None


def _names(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def _attribute(field: str) -> str:
    name = re.sub(r"\W", "_", field)
    return f"{name}_" if keyword.iskeyword(name) else name


def _argument(parameter: str) -> str:
    """The name of a parameter, beside those that functions have themselves."""
    name = _attribute(parameter)
    return f"{name}_" if name in ("body", "version", *vars(builtins)) else name


def _of_money(name: str, kind: str) -> str:
    """Money is never a float."""
    return kind.replace("float", "Decimal") if _MONEY.search(name) else kind


def _quoted(text: str) -> str:
    return f'"{text}"'


def _values(schema: Tree) -> list[Any]:
    """The values that a field may have, where they are named."""
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _literal(value: Any, schema: Tree) -> str:
    if value == [] or value == {}:
        return repr(value)
    if schema.get("format") == "decimal" and isinstance(value, str):
        return f'Decimal("{value}")'
    if isinstance(value, (dict, list)):
        return f"msgspec.field(default_factory=lambda: {value!r})"
    return repr(value)


def _docstring(text: str, indent: str = "    ") -> str:
    """A docstring whose first line is short; what is longer follows whole."""
    text = " ".join(text.split()).replace("\\", "\\\\").replace('"""', "'''")
    if len(text) <= _SUMMARY_MAX:
        return f'{indent}"""{text}"""'
    ends = next((at for at in _ENDS.finditer(text) if 12 < at.start() < _SUMMARY_MAX), None)
    if ends is None:
        short, rest = text[:_SUMMARY_MAX].rpartition(" ")[0], text
    else:
        short = text[: ends.start()]
        rest = text[ends.end() :] if ends[0] == ". " else text
    filled = textwrap.fill(rest, 96, initial_indent=indent, subsequent_indent=indent)
    return f'{indent}"""{short}.\n\n{filled}\n{indent}"""'


def _formatted(text: str) -> str:
    """As `ruff format` and its sorting of imports have it."""
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "check", "--quiet", "--select", "F401,I,RUF022", "--fix-only", "--stdin-filename"],
        [*ruff, "format", "--quiet", "--stdin-filename"],
    ):
        run = subprocess.run(  # noqa: S603 - our own words
            [*command, str(FOLDER / "any.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        text = run.stdout
    return text
