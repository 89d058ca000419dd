"""Write the parts of docs/reference that the code knows better than a person.

`make docs` runs this; with `--check` nothing is written and what is out of date is named.
Whole files: settings.md, commands.md, metrics.md, vendors.md, dialects.md, management-api.md,
openapi.json, refusals/README.md. In
each refusals/<code>.md only the head between the two marks is written; the prose below it belongs
to people.
"""

import importlib
import importlib.util
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as shapes

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from docs import client_modules, dialects_page, management_page
from docs.tables import NOTICE, code, table

import faregate.configuration
from faregate.configuration.amounts import TAKES as AMOUNT
from faregate.configuration.document import Document
from faregate.control.descriptions import field_comments
from faregate.core.refusals import KINDS, PAYABLE_KINDS, Kind
from faregate.dialects.anthropic_errors import error_type

REFERENCE = Path(__file__).parent / "reference"
HEAD_BEGINS = "<!-- written by `make docs`: begin -->"
HEAD_ENDS = "<!-- written by `make docs`: end -->"

SIDES = {
    "caller": "the caller's",
    "operator": "the operator's",
    "provider": "the provider's",
}


# -- settings ------------------------------------------------------------------------------------


def _bounds(shape: shapes.IntType | shapes.FloatType) -> str:
    low = f"at least {shape.ge:,}" if shape.ge is not None else ""
    low = f"above {shape.gt:,}" if shape.gt is not None else low
    high = f"at most {shape.le:,}" if shape.le is not None else ""
    return ", ".join(bound for bound in (low, high) if bound)


def describe(shape: shapes.Type) -> str:
    """What may be written where `shape` is asked for."""
    match shape:
        case shapes.Metadata(extra_json_schema={"description": str(words)}):
            return words
        case shapes.Metadata():
            return describe(shape.type)
        case shapes.BoolType():
            return "`true` or `false`"
        case shapes.IntType() | shapes.FloatType():
            kind = "whole number" if isinstance(shape, shapes.IntType) else "number"
            return ", ".join(part for part in (kind, _bounds(shape)) if part)
        case shapes.DecimalType():
            return AMOUNT
        case shapes.StrType():
            return f"text like {code(shape.pattern)}" if shape.pattern else "text"
        case shapes.LiteralType():
            return " or ".join(code(str(value)) for value in shape.values)
        case shapes.DateTimeType():
            return "date and time"
        case shapes.VarTupleType():
            return f"list; each {describe(shape.item_type)}"
        case shapes.DictType():
            return f"map of {describe(shape.key_type)} to {describe(shape.value_type)}"
        case shapes.StructType():
            return "section"
        case shapes.UnionType():
            kinds = [kind for kind in shape.types if not isinstance(kind, shapes.NoneType)]
            return " or ".join(map(describe, kinds))
    raise TypeError(f"no words for {shape}")


def default(field: shapes.Field) -> str:
    """What holds where the field is left out."""
    if field.required:
        return "required"
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    match value:
        case None | () | {}:
            return "none"
        case bool():
            return code(str(value).lower())
        case int() if "bytes" in field.name and value % 1024 == 0:
            return f"{code(str(value))} ({_size(value)})"
        case float():
            return code(f"{value:g}")
        case Decimal():
            return code(f"{value:f}")
        case tuple() if not isinstance(value[0], msgspec.Struct):
            return code(f"[{', '.join(map(str, value))}]")
        case str() | int():
            return code(str(value))
    return "its defaults"


def _size(count: int) -> str:
    return f"{count // 1024**2} MiB" if count % 1024**2 == 0 else f"{count // 1024} KiB"


def _inner_struct(shape: shapes.Type) -> tuple[str, shapes.StructType] | None:
    match shape:
        case shapes.StructType():
            return "", shape
        case shapes.VarTupleType(item_type=shapes.StructType() as inner):
            return "[]", inner
        case shapes.UnionType():
            return next(filter(None, map(_inner_struct, shape.types)), None)
    return None


def sections(path: str, shape: shapes.StructType) -> Iterator[tuple[str, shapes.StructType]]:
    """Every section with its path in the document, outermost first."""
    yield path, shape
    for field in shape.fields:
        if inner := _inner_struct(field.type):
            mark, struct = inner
            yield from sections(f"{path}.{field.encode_name}{mark}".lstrip("."), struct)


# Later ones explain sections of earlier ones, too.
COMMENTED = (
    "settings.py", "commerce.py", "pins.py", "callers.py", "single_sign_on.py", "document.py",
)  # fmt: skip


def document_comments() -> dict[str, dict[str, str]]:
    """The comments of all sections of the document."""
    folder = Path(faregate.configuration.__file__).parent
    comments: dict[str, dict[str, str]] = {}
    for name in COMMENTED:
        comments |= field_comments((folder / name).read_text())
    return comments


def explained(cls: type, name: str, comments: dict[str, dict[str, str]]) -> str:
    """The comment of a field, where it is declared."""
    owners = (comments.get(owner.__name__, {}) for owner in cls.__mro__)
    return next(filter(None, (fields.get(name) for fields in owners)), "")


def settings_page() -> str:
    """docs/reference/settings.md: every field of the document."""
    comments = document_comments()
    document = shapes.type_info(Document)
    assert isinstance(document, shapes.StructType)
    parts = [
        NOTICE,
        "# Settings",
        "Every field of `faregate.yaml`. A field that is not listed here is an error, named with "
        "its line. Fields marked *restart* are read once, when Faregate starts; all others take "
        "effect within a second of `faregate config apply`. How the file is used: "
        "[the configuration guide](../guides/configuration.md).",
    ]
    for path, shape in sections("", document):
        rows = []
        for field in shape.fields:
            full = f"{path}.{field.encode_name}".lstrip(".")
            meaning = explained(shape.cls, field.name, comments) or _summary(field)
            rows.append((code(full), describe(field.type), default(field), meaning))
        parts += [
            f"## {code(path) if path else 'The document'}",
            (shape.cls.__doc__ or "").strip(),
            table(("Field", "Takes", "Default", "Meaning"), rows),
        ]
    return "\n\n".join(parts) + "\n"


def _summary(field: shapes.Field) -> str:
    inner = _inner_struct(field.type)
    return (inner[1].cls.__doc__ or "").partition("\n")[0] if inner else ""


# -- refusals ------------------------------------------------------------------------------------


def _status(kind: Kind) -> str:
    """The status, and the other one where the way out may be payment."""
    payable = PAYABLE_KINDS.get(kind.code)
    return f"{kind.status}, or {payable.status}" if payable is not None else str(kind.status)


def refusal_head(kind: Kind) -> str:
    """The head of a code's page, marks included."""
    payable = PAYABLE_KINDS.get(kind.code)
    rows = [
        ("Code", code(kind.code)),
        ("Status", _status(kind)),
        ("Whose side", SIDES[kind.side]),
        ("Worth a retry as it is", "yes" if kind.retryable else "no"),
        ("`error.type` in OpenAI's shape", code(kind.openai_type)),
        ("`error.type` in Anthropic's shape", code(error_type(kind))),
        ("Usual way out", kind.fix),
    ]
    if payable is not None:
        rows.append((f"Usual way out of the {payable.status}", payable.fix))
    return f"{HEAD_BEGINS}\n# {kind.title}\n\n{table(('', ''), rows)}\n\n{HEAD_ENDS}\n"


def refusal_page(kind: Kind, present: str | None) -> str:
    """The page of a code: its head made anew, its prose kept."""
    if present is None:
        present = f"{HEAD_ENDS}\n\n## What it means\n\n## What to do\n\n- Caller:\n- Operator:\n"
    prose = present.partition(HEAD_ENDS)[2].lstrip("\n")
    return f"{refusal_head(kind)}\n{prose}"


def refusals_index() -> str:
    """docs/reference/refusals/README.md: all codes in the order of their statuses."""
    rows = [
        (
            f"[{code(kind.code)}]({kind.code}.md)",
            _status(kind),
            SIDES[kind.side],
            "yes" if kind.retryable else "no",
            kind.title,
        )
        for kind in KINDS.values()
    ]
    intro = (
        "Every reason that Faregate can have for not serving a call. The status follows from one "
        "question, what would fix it? ([the refusal rule]"
        "(../../../ARCHITECTURE.md#the-refusal-rule)); the code never changes. How a refusal reads "
        "on the wire: [the guide](../../guides/refusals.md). Where two statuses are listed, the "
        "second one says that payment, not time alone, is the way out: [I got a 402]"
        "(../../guides/i-got-a-402.md)."
    )
    heads = ("Code", "Status", "Whose side", "Retry", "Title")
    return "\n\n".join((NOTICE, "# Refusals", intro, table(heads, rows))) + "\n"


# -- commands ------------------------------------------------------------------------------------


def _walk_commands(name: str, command: Any, parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield name, command, context
    if hasattr(command, "list_commands"):
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            if inner is not None and not inner.hidden:
                yield from _walk_commands(f"{name} {child}", inner, context)


def all_commands() -> list[tuple[str, Any, Any]]:
    """Every command as (full name, command, context)."""
    typer_main = importlib.import_module("typer.main")
    app = importlib.import_module("faregate.cli.main").app
    return list(_walk_commands("faregate", typer_main.get_command(app)))


def help_text(text: str) -> str:
    """A command's help in Markdown; what follows "Example:" becomes a block of code."""
    parts = []
    for paragraph in text.partition("\f")[0].strip().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip() != "\b"]
        if not lines or not re.match(r"Examples?:|\$ |faregate ", lines[0]):
            parts.append(" ".join(lines))
            continue
        shown = [re.sub(r"^(?:Examples?:)?\s*(?:\$ )?", "", line) for line in lines]
        parts.append("```sh\n" + "\n".join(line for line in shown if line) + "\n```")
    return "\n\n".join(parts)


def _parameter(parameter: Any, context: Any) -> tuple[str, str]:
    shown, text = parameter.get_help_record(context) or (parameter.name, "")
    return code(" ".join(shown.split())), " ".join(text.split())


def command_section(name: str, command: Any, context: Any) -> str:
    """One command: what it does, how it is called, what it takes."""
    usage = " ".join((name, *command.collect_usage_pieces(context)))
    parts = [f"## {name}", help_text(command.help or ""), f"Usage: {code(usage)}"]
    rows = [
        _parameter(parameter, context)
        for parameter in command.params
        if not getattr(parameter, "hidden", False) and parameter.name != "help"
    ]
    if rows:
        parts.append(table(("Takes", "Meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def commands_page() -> str:
    """docs/reference/commands.md: every command with its options."""
    intro = (
        "Every command of `faregate`. All of them show their help with `--help`; exit status 0 "
        "is success, 1 a failure that is explained, 2 a wrong use."
    )
    parts = [NOTICE, "# Commands", intro]
    parts += [command_section(*entry) for entry in all_commands()]
    return "\n\n".join(parts) + "\n"


# -- metrics -------------------------------------------------------------------------------------


def metrics_page() -> str:
    """docs/reference/metrics.md: every series of /metrics."""
    rows = [
        (code(metric.name), metric.type, ", ".join(map(code, metric.labels)), metric.help)
        for metric in importlib.import_module("faregate.monitor.metrics").METRICS
    ]
    intro = (
        "The series that `/metrics` on the operations port answers with, in the text format of "
        "Prometheus. Workers count for themselves; the supervisor adds them up and keeps the "
        "counts of workers that have ended, so no counter goes back while Faregate runs."
    )
    heads = ("Name", "Kind", "Labels", "Meaning")
    return "\n\n".join((NOTICE, "# Metrics", intro, table(heads, rows))) + "\n"


# -- vendors -------------------------------------------------------------------------------------


def _vendor_facts(vendor: Any, quirks: dict[str, str]) -> Iterator[str]:
    """What the tables leave out, a sentence or a few each."""
    for name, option in vendor.options.items():
        usual = f" Default: {code(option.default)}." if option.default is not None else ""
        yield f"Option {code(name)}: {option.description}{usual}"
    if vendor.unsupported:
        yield f"It refuses or ignores {', '.join(map(code, vendor.unsupported))}."
    for quirk in vendor.quirks:
        yield f"{code(quirk)}: {quirks[quirk]}."
    if vendor.balance is not None:
        needs = f", with {vendor.balance.needs}" if vendor.balance.needs else ""
        yield f"It tells the credit left at {code(vendor.balance.path)}{needs}."
    if vendor.note:
        yield vendor.note


def _auth(vendor: Any) -> str:
    if vendor.auth == "header":
        field = ": ".join(vendor.key_field("KEY"))
        return code(field) if vendor.needs_key else f"{code(field)}, or none"
    return {
        "sigv4": "a signature (SigV4)",
        "google_oauth": "a service account",
        "ibm_iam": "an API key of IBM Cloud",
    }[vendor.auth]


def vendors_page() -> str:
    """docs/reference/vendors.md: every vendor's row."""
    rows = importlib.import_module("faregate.providers.vendors")
    vendors = rows.VENDORS.values()
    reached, spoken, facts = [], [], []
    for vendor in vendors:
        known = vendor.key_environment
        variables = [*itertools.chain(*known.credentials.values(), *known.options.values())]
        reached.append((
            code(vendor.name),
            vendor.title,
            code(vendor.base_url) if vendor.base_url else "its own",
            _auth(vendor),
            ", ".join(map(code, (*variables, *known.base_urls))) or "-",
            f"[{vendor.checked.replace('_', ' ')}]({vendor.documentation})",
        ))  # fmt: skip
        spoken.append((
            code(vendor.name),
            "; ".join(f"{name}: {', '.join(each)}" for name, each in vendor.dialects.items()),
        ))  # fmt: skip
        facts += [f"- {code(vendor.name)}: {' '.join(said)}"
                  for said in [list(_vendor_facts(vendor, rows.QUIRKS))] if said]  # fmt: skip
    intro = (
        f"The {len(vendors)} vendors that Faregate knows, as `vendor` of a provider; any other "
        "that speaks OpenAI's format is `openai_compatible`. What stands in braces is said in "
        "the provider's options. *Documented*: address and key were read in the vendor's own "
        "pages or SDK; *second hand*: in other clients; *unchecked*: in neither. "
        "`faregate providers vendors` lists the same."
    )
    heads = ("Vendor", "Title", "Address", "Key shown as", "Variables", "Source")
    return "\n\n".join((
        NOTICE, "# Vendors", intro, table(heads, reached),
        "## What they speak",
        "Calls in one of these dialects go there as they came; others are translated into the "
        "first.",
        table(("Vendor", "Operations and dialects"), spoken),
        "## What else is known", "\n".join(facts),
    )) + "\n"  # fmt: skip


# -- all of it -----------------------------------------------------------------------------------


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def pages() -> dict[Path, str]:
    """Every generated file with the text that it should have."""
    made: dict[Path, str] = {
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "refusals" / "README.md": refusals_index(),
    }
    optional: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("faregate.cli.main", "commands.md", commands_page),
        ("faregate.monitor.metrics", "metrics.md", metrics_page),
        ("faregate.providers.vendors", "vendors.md", vendors_page),
        ("faregate.gate.served", "dialects.md", dialects_page.page),
        ("faregate.control.registry", "management-api.md", management_page.page),
        ("faregate.control.registry", "openapi.json", management_page.openapi_json),
    )
    for module, name, page in optional:
        if _exists(module):
            made[REFERENCE / name] = page()
    if _exists("faregate.control.registry"):
        made |= client_modules.modules()
    for kind in KINDS.values():
        path = REFERENCE / "refusals" / f"{kind.code}.md"
        made[path] = refusal_page(kind, path.read_text() if path.exists() else None)
    return made


def stale(made: dict[Path, str]) -> list[Path]:
    """The files whose text is not what it should be."""
    return [path for path, text in made.items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """Write what is out of date, or only name it; the exit status."""
    made = pages()
    out_of_date = stale(made)
    for path in out_of_date:
        shown = path.relative_to(REFERENCE.parent.parent)
        if "--check" in arguments:
            print(f"error: {shown} is out of date\nfix: make docs", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path])
            print(f"wrote {shown}")
    return 1 if out_of_date and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
