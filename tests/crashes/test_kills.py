"""Whichever process is killed under load, every call is recorded once and the service goes on."""

from pathlib import Path

import pytest
from tests.children import replacement_s_max
from tests.crashes.load import Trial


@pytest.mark.alone
def test_five_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    trial = Trial(tmp_path, workers=2)
    trial.run(rounds=5)
    trial.check()
    assert len(trial.seen) >= len(trial.answered)
    assert len(trial.answered) > 500
    # Half a second where it is quiet; the start of a process takes as long as the machine lets it.
    assert min(trial.replaced_s) < replacement_s_max()
    assert max(trial.replaced_s) < 10.0


def test_four_workers_share_the_port(tmp_path: Path) -> None:
    # The kernel deals connections out by chance: enough of them reach every worker.
    trial = Trial(tmp_path, workers=4, renewal=1.0, calls=200)
    trial.run(rounds=1)
    trial.check()
    assert len({record.worker for record in trial.records}) == 5  # one was replaced
