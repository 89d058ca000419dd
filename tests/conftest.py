"""Which tests run: `make soak` runs tests/soak, `make test` the rest, those marked alone last.

Processes that share tests must find the same ones in the same order, or none runs: parameters are
never listed by a set, and never named by what chance has made.
"""

from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak"
ALONE = "alone and not soak"  # what the Makefile asks for
MARK = b"pytest.mark.alone"
NAME_CHARACTERS_MAX = 40


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them before marks decide what runs."""
    for item in items:
        if SOAK in item.path.parents:
            item.add_marker(pytest.mark.soak)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file in vain for the few tests that run alone."""
    if config.option.markexpr != ALONE or collection_path.suffix != ".py":
        return None
    return MARK not in collection_path.read_bytes() or None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes and long texts may be drawn by lot, as keys and masks are: they are numbered."""
    drawn = isinstance(val, bytes) or (isinstance(val, str) and len(val) > NAME_CHARACTERS_MAX)
    return argname if drawn else None
