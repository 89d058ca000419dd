"""The vendor's side of the benchmark: upstream.c, built when it is first needed."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import machine
import processes
from unavailable import Unavailable

_SOURCE = Path(__file__).resolve().parent / "upstream.c"
EVENTS_PER_CALL = 51


def _built() -> Path:
    """The program, newer than its source."""
    program = processes.WORK / "upstream"
    if not program.exists() or program.stat().st_mtime < _SOURCE.stat().st_mtime:
        compiler = processes.needed("cc", "gcc")
        processes.WORK.mkdir(parents=True, exist_ok=True)
        command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program)]
        finished = subprocess.run(
            [*command, str(_SOURCE)], capture_output=True, text=True, timeout=60, check=False
        )
        if finished.returncode != 0:
            raise Unavailable(f"upstream.c can't be built: {finished.stderr.strip()[:300]}")
    return program


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Run the upstream on the load's core, and give its port."""
    port = processes.free_port()
    command: list[str | Path] = [_built(), str(port)]
    with processes.running(command, core=machine.LOAD_CORE, log="upstream") as process:
        processes.wait_for_answer(process, port, "/", "upstream")
        yield port
