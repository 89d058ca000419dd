"""What the journal costs: appending, reading back, posting.

    python bench/journal.py [FOLDER]

Posting is measured twice: calls that cost nothing, and calls that are charged to a wallet, a
budget and a quota of a ledger on SQLite.

Times are of one process alone; the folder should be on the disk that journals will be on.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from faregate.calllog.frames import (
    Attempt,
    Charge,
    Settled,
    Started,
    Usage,
    decode_frame,
    encode_frame,
)
from faregate.clerk.clerk import Clerk, Retention
from faregate.ledger.purses import DrawRequest, PurseSpec, Unit
from faregate.storage.call_store import CallStore
from faregate.storage.home import Home
from faregate.storage.journal import JournalWriter, SyncPolicy
from faregate.storage.journal_reader import JournalFolders
from faregate.storage.ledger_books import open_books
from faregate.storage.ledger_database import open_ledger

FRAME = b"x" * 300
FRAMES = 200_000
CALLS = 200_000
PURSES = (
    PurseSpec("wallet:acme", "wallet", "acme", "acme", Unit.NANO, None),
    PurseSpec("budget:team:billing", "budget", "team", "billing", Unit.NANO, 10**17),
    PurseSpec("quota:plan/calls:shop", "quota", "plan/calls", "shop", Unit.REQUESTS, 10**9),
)
CHARGE = Charge("acme", tuple(spec.purse_id for spec in PURSES), (41_500, 41_500, 1), 41_500,
                33_200, 0, "stated")  # fmt: skip
ROUNDS = 5
PACED_CALLS_S = 10_000
PACED_SECONDS = 2.0


def microseconds(work: Callable[[], None], count: int) -> tuple[float, float]:
    """The best of some rounds: wall and processor time of each of `count`, in microseconds."""
    best = (float("inf"), float("inf"))
    for _ in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        spent = (time.perf_counter() - wall, time.process_time() - processor)
        best = min(best, spent)
    return best[0] / count * 1e6, best[1] / count * 1e6


def append_flat_out(root: Path, sync: SyncPolicy) -> None:
    """Frames without a pause: 100 times what a busy worker writes."""
    writer = JournalWriter(root, f"0-{time.time_ns():x}-1", sync=sync)

    def work() -> None:
        for _ in range(FRAMES // ROUNDS):
            writer.append(FRAME)

    wall, processor = microseconds(work, FRAMES // ROUNDS)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    writer.close()
    print(f"append, flat out, sync {sync:<9} {wall:6.2f} us a frame ({processor:.2f} us processor)")
    print(f"  page faults so far                {faults}")


def append_at_pace(root: Path, sync: SyncPolicy) -> None:
    """Two frames a call at a busy worker's pace: what the event loop waits for an append."""
    writer = JournalWriter(root, f"1-{time.time_ns():x}-1", sync=sync)
    spent: list[float] = []
    begun, done = time.perf_counter(), 0
    while (now := time.perf_counter()) < begun + PACED_SECONDS:
        while done < (now - begun) * PACED_CALLS_S * 2:
            before = time.perf_counter()
            writer.append(FRAME)
            spent.append(time.perf_counter() - before)
            done += 1
        time.sleep(0.0005)
    writer.close()
    spent.sort()
    shown = "  ".join(f"p{p} {spent[int(len(spent) * p / 100) - 1] * 1e6:.2f}" for p in (50, 99))
    print(
        f"append, {PACED_CALLS_S:,} calls/s, sync {sync:<9} {shown}  max {spent[-1] * 1e6:.0f} us"
    )


def write_calls(root: Path, worker: str, charge: Charge | None) -> None:
    """Calls with a start and an end, as a gate writes them."""
    writer = JournalWriter(root, worker, sync="kernel")
    attempt = Attempt("acme", "https://acme.test/v1", "small", 90, 2_000, 9_000, 200, "ok", True)
    for number in range(CALLS):
        call_id = f"call_6553f1000000000000{number:08x}"
        writer.append(
            encode_frame(
                Started(
                    call_id, time.time_ns(), 3, "key_1", "billing", "POST",
                    "/v1/chat/completions", "127.0.0.1", "client/1.0", "small", "small",
                    "acme", True, 250, "shop", "web", f"customer-{number % 100}",
                )
            )
        )  # fmt: skip
        end = Settled(
            call_id,
            "answered",
            200,
            None,
            None,
            5,
            2_000,
            9_000,
            450,
            12,
            Usage(10, 20),
            (attempt,),
            charge,
        )
        writer.append(encode_frame(end))
    writer.close()


def read_back(root: Path) -> None:
    """Reading and decoding alone."""
    folders = JournalFolders(root)
    begun, count = time.perf_counter(), 0
    for worker in folders.workers():
        reader, state = folders.reader(worker), "more"
        while state == "more":
            reading = reader.read()
            count += sum(1 for frame in reading.frames if frame != FRAME and decode_frame(frame))
            state = reading.state
        reader.close()
    print(f"read and decode  {count / (time.perf_counter() - begun):12,.0f} frames/s")


def post(root: Path, folder: Path, charge: Charge | None) -> None:
    """All that the clerk does, with the disk synced."""
    folder.mkdir()
    home, worker = Home(folder), f"2-{time.time_ns():x}-1"
    with open_books(home, None) as books:
        books.grant("acme", 10**15, "paid", "bench")
    ledger = open_ledger(home)
    ledger.source(worker, "bench").draw([DrawRequest(spec, 10**12, 0) for spec in PURSES])
    write_calls(root, worker, charge)
    store = CallStore(home.calls_database)
    clerk = Clerk(JournalFolders(root), store, ledger.posting("bench"), Retention(30, 1_000_000))
    begun, processor = time.perf_counter(), time.process_time()
    while clerk.step():
        pass
    spent, used = time.perf_counter() - begun, time.process_time() - processor
    counted = clerk.metrics()
    calls = counted["calls"]
    name = "post, free" if charge is None else "post, charged"
    print(f"{name:<16} {calls / spent:12,.0f} calls/s ({used / calls * 1e6:.1f} us processor)")
    assert counted["charged_nano"] == (0 if charge is None else calls * charge.charge_nano)
    assert counted["shortfall"] == 0
    store.close()


def main() -> None:
    """Measure in the folder that is named, or in a temporary one."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        root = Path(folder)
        policies: tuple[SyncPolicy, ...] = ("kernel", "interval")
        for sync in policies:
            append_flat_out(root / "flat", sync)
        for sync in policies:
            append_at_pace(root / "paced", sync)
        write_calls(root / "calls", f"2-{time.time_ns():x}-1", None)
        read_back(root / "calls")
        post(root / "free", root / "free-home", None)
        post(root / "charged", root / "charged-home", CHARGE)


if __name__ == "__main__":
    main()
