"""Expressions over facts of a request, in CEL.

Compiled when the configuration is taken. One that fails at run time, for a fact that isn't there
or a type that doesn't fit, has not matched, and is counted.

Source: the Common Expression Language's definition (cel-spec, "Language Definition").
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any, Final

EXPRESSION_CHARACTERS_MAX: Final = 2_000


class ExpressionError(ValueError):
    """An expression can't be used; its text says why."""


class Expression:
    """A condition on a request's facts."""

    __slots__ = ("_program", "failures", "last_failure", "source", "variables")

    def __init__(self, source: str) -> None:
        """Compile `source`.

        Raises `ExpressionError`.
        """
        if len(source) > EXPRESSION_CHARACTERS_MAX:
            raise ExpressionError(
                f"an expression may have {EXPRESSION_CHARACTERS_MAX} characters; "
                f"this one has {len(source)}"
            )
        self.source = source
        self.failures = 0
        self.last_failure = ""
        try:
            self._program = _cel().compile(source)
            self.variables = frozenset(self._program.variables())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of the library is no Exception
            raise ExpressionError(_first_line(error)) from None

    def matches(self, facts: Mapping[str, Any]) -> bool:
        """Whether it holds; only `true` does."""
        try:
            result = self._program.execute(dict(facts))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return self._failed(_first_line(error))
        if isinstance(result, bool):
            return result
        return self._failed(f"it gives {type(result).__name__}, not true or false")

    def describe(self) -> dict[str, Any]:
        """Its text, and how often it failed, for people."""
        return {
            "expression": self.source,
            "failures": self.failures,
            "last_failure": self.last_failure,
        }

    def _failed(self, why: str) -> bool:
        self.failures += 1
        self.last_failure = why
        return False


def _first_line(error: BaseException) -> str:
    return (str(error).partition("\n")[0] or type(error).__name__)[:200]


@cache
def _cel() -> ModuleType:
    """The extension alone: its package also loads a command line with rich and typer."""
    package = importlib.util.find_spec("cel")
    places = package.submodule_search_locations if package is not None else None
    found = PathFinder.find_spec("cel.cel", places)
    if found is None or found.loader is None:
        raise ExpressionError("common-expression-language is not installed")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
