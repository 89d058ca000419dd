"""Clerks and workers are killed while they post and draw: every charge is in the ledger once."""

from pathlib import Path

from tests.crashes.charge_kills import Trial


def test_six_clerks_are_killed(tmp_path: Path) -> None:
    trial = Trial(tmp_path, seed=1)
    trial.run(rounds=6)
    trial.check()
    assert (trial.clerks_killed, trial.workers_killed) == (6, 3)
    assert trial.calls > 100
