"""Fifty kills in a row lose and double nothing either."""

from pathlib import Path

import pytest
from tests.crashes.load import Trial


@pytest.mark.soak
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    trial = Trial(tmp_path, workers=2)
    trial.run(rounds=50)
    trial.check()
    assert len(trial.failures) == 34
