"""What lies in tests/soak runs for minutes: `make soak` runs it, `make test` doesn't."""

from pathlib import Path

import pytest

SOAK = Path(__file__).parent / "soak"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them before marks decide what runs."""
    for item in items:
        if SOAK in item.path.parents:
            item.add_marker(pytest.mark.soak)
