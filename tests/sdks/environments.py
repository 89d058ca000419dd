"""An environment for each SDK, made once for its requirements and kept.

Several processes may ask for them at once: one makes them, the others wait for it.

python -m tests.sdks.environments
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "sdks"
KEPT = ROOT / ".venv-sdks"
NAMES = tuple(sorted(file.stem for file in REQUIREMENTS.glob("*.txt")))
INSTALL_S_MAX = 600


def environment(name: str) -> Path:
    """The interpreter of an SDK's environment, which is made where it isn't there.

    Raises `RuntimeError` with pip's own words where it can't be.
    """
    wanted = REQUIREMENTS / f"{name}.txt"
    said = wanted.read_bytes() + sys.version.encode()
    place = KEPT / f"{name}-{hashlib.blake2b(said, digest_size=6).hexdigest()}"
    if not place.is_dir():
        for old in KEPT.glob(f"{name}-????????????"):
            shutil.rmtree(old)
        making = KEPT / f"making-{name}-{os.getpid()}"  # never a half one under its name
        shutil.rmtree(making, ignore_errors=True)
        venv.create(making, symlinks=True, with_pip=False)
        problem = _install(making / "bin" / "python", wanted)
        if problem:
            shutil.rmtree(making)
            raise RuntimeError(f"the environment of {name} can't be made:\n{problem}")
        making.rename(place)
    return place / "bin" / "python"


def _install(python: Path, wanted: Path) -> str:
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"),
        *("--python", str(python)),
        # Bytecode is written for what is imported, at the first time.
        *("install", "--quiet", "--no-deps", "--no-compile", "-r", str(wanted)),
    ]
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False
    )
    return run.stderr[-2_000:] if run.returncode else ""


def environments() -> dict[str, Path]:
    """All of them, made at once as far as there are processors."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / ".lock").open("w") as lock, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return dict(zip(NAMES, pool.map(environment, NAMES), strict=True))


if __name__ == "__main__":
    for found, python in environments().items():
        print(f"{found}: {python.relative_to(ROOT)}")
