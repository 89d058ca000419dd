"""What the kernel knows: CPU time and memory of processes, use of cores, open files."""

import datetime as dt
import os
import platform
import resource
from dataclasses import dataclass
from pathlib import Path

GATEWAY_CORE = 0
LOAD_CORE = 1

_BYTES_PER_KB = 1024


@dataclass(frozen=True)
class Memory:
    """Memory of one process, in bytes; PSS shares common pages among their users."""

    rss_bytes: int
    pss_bytes: int


@dataclass(frozen=True)
class CoreTicks:
    """Ticks that a core has spent since boot: busy, and in all."""

    busy: int
    total: int

    def share_since(self, before: "CoreTicks") -> float:
        """Part of the time since `before` that the core was busy, 0 to 1."""
        total = self.total - before.total
        return (self.busy - before.busy) / total if total else 0.0


def cpu_ns(pid: int) -> int:
    """CPU time (user and system) of all threads of `pid`, in nanoseconds.

    From /proc/<pid>/task/*/schedstat: exact, where /proc/<pid>/stat counts in ticks of 10 ms.
    """
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
            continue
    return total


def children(pid: int) -> list[int]:
    """Process ids of the direct children of `pid`."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def family(pid: int) -> list[int]:
    """`pid` and all its descendants."""
    members = [pid]
    for child in children(pid):
        members += family(child)
    return members


def command_line(pid: int) -> list[str]:
    """The arguments that `pid` was started with."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def pin(pid: int, core: int) -> None:
    """Keep every thread of `pid` on one core."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def memory(pid: int) -> Memory:
    """RSS and PSS of `pid`, from /proc/<pid>/smaps_rollup."""
    kilobytes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":")
        kilobytes[name] = int(value.split()[0])
    return Memory(kilobytes["Rss"] * _BYTES_PER_KB, kilobytes["Pss"] * _BYTES_PER_KB)


def core_ticks(core: int) -> CoreTicks:
    """What `core` has done since boot, from /proc/stat."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            ticks = [int(field) for field in fields[:8]]
            idle = ticks[3] + ticks[4]
            return CoreTicks(sum(ticks) - idle, sum(ticks))
    raise RuntimeError(f"/proc/stat names no core {core}")


def raise_open_files(wanted: int) -> int:
    """Raise the limit of open files as far as allowed; returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    limit = max(soft, wanted if unlimited else min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def environment(more: dict[str, str]) -> dict[str, str]:
    """This process's environment, with `more`."""
    return os.environ | more


def description() -> str:
    """The machine, its kernel and its Python in one line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {gigabytes:.0f} GiB, Linux {platform.release()}, "
        f"CPython {platform.python_version()}"
    )


def today() -> str:
    """The date and the time, UTC."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
