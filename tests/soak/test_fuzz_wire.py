"""A minute of fuzzing for each reader finds nothing that breaks its promise."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("kind", ["requests", "replies"])
def test_fuzzing_finds_nothing(kind: str, tmp_path: Path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("needs requirements/soak.txt")
    dictionary = Path(__file__).parent / "wire.dict"
    command = [sys.executable, "-m", "tests.soak.fuzz_wire", kind, str(tmp_path)]
    options = [f"-max_total_time={SECONDS}", "-max_len=4000", f"-dict={dictionary}"]
    result = subprocess.run(
        [*command, *options, f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS + 120,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4_000:]
    assert "Done " in result.stderr
