"""Fixtures of the client's tests."""

from pathlib import Path

import pytest
from tests.sdks.environments import environments


@pytest.fixture(scope="session")
def sdk_pythons() -> dict[str, Path]:
    """The interpreter of each SDK's environment."""
    return environments()
