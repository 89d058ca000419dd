"""Which tests run: `make soak` runs tests/soak, `make test` the rest, those marked alone last.

Processes that share tests must find the same ones in the same order, or none runs: parameters and
their names come from nothing that chance or a hash orders.
"""

from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak"
ALONE = "alone and not soak"  # what the Makefile asks for
MARK = b"pytest.mark.alone"


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
