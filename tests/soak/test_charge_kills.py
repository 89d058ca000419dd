"""Fifty clerks and their workers are killed: every charge is in the ledger once."""

from pathlib import Path

import pytest
from tests.crashes.charge_kills import Trial


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_clerks_are_killed(tmp_path: Path, seed: int) -> None:
    trial = Trial(tmp_path, seed)
    trial.run(rounds=50)
    trial.check()
    print(
        f"{trial.calls:,} charges; {trial.clerks_killed} clerks and {trial.workers_killed} "
        "workers were killed; every charge was posted once"
    )
    assert trial.clerks_killed == 50
    assert trial.calls > 1_000
