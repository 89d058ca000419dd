"""A document as the faregate.yaml that loads back to it.

What equals its default is left out; references stay references.
"""

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]

from faregate.configuration.amounts import amount_text
from faregate.configuration.document import Document
from faregate.configuration.problems import LABEL_FIELDS

_HEAD = """\
# Faregate's configuration. Check it with 'faregate config check FILE', put it in force with
# 'faregate config apply FILE'.
"""

_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Writes amounts as the numbers that they are, and every value out, never as `*id001`."""

    def ignore_aliases(self, data: Any) -> bool:
        """Yes: one value at two places is written twice."""
        return True


def _write_amount(dumper: Any, amount: Decimal) -> Any:
    text = amount_text(amount)
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(Decimal, _write_amount)


def export(document: Document) -> str:
    """`document` as YAML, in the order of the document."""
    return _HEAD + yaml_text({"version": document.version, **brief(document)})


def yaml_text(tree: Any) -> str:
    """A plain tree as YAML, in its own order."""
    text: str = yaml.dump(
        tree,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=False,
        default_flow_style=False,
        width=10_000,
    )
    return text.removesuffix("\n...\n").removesuffix("\n") + "\n"  # dots end a scalar


def brief(section: msgspec.Struct) -> dict[str, Any]:
    """A document or a part as a plain tree, without what is by default."""
    return _without_defaults(section)


def _without_defaults(section: msgspec.Struct) -> dict[str, Any]:
    kept = {}
    for field in _fields_of(type(section)):
        value = getattr(section, field.name)
        if field.required or value != _default(field):
            kept[field.encode_name] = _written(value)
    return kept


@cache
def _fields_of(kind: type[msgspec.Struct]) -> tuple[Any, ...]:
    """The fields of a kind of section in their order; looking them up takes its time."""
    return tuple(sorted(msgspec.structs.fields(kind), key=_is_inner))


def _is_inner(field: Any) -> bool:
    """Whether a field comes after those that an item goes by; inherited fields would be first."""
    return field.name not in LABEL_FIELDS


def _default(field: Any) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else None


def _written(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _without_defaults(value)
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
