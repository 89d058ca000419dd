"""A worker that asks for more than there is, and writes what it got.

    python load_program.py URL WORKER BEGIN_S SECONDS MAXIMUM WINDOW_S

All times are of the monotonic clock, which processes of one machine share. Each line of the
output is: limit, nanosecond of the take, cost as it turned out, nanosecond of the end.
"""

import asyncio
import random
import statistics
import sys
import time
from collections import Counter as Counts

from faregate.limits.counters import ASK, TAKEN, Counter, LimitSpec, LimitUnit
from faregate.tally.shared import RedisTally, connect

ESTIMATE = 20
SLOTS = 24


def limits(maximum: int, window_s: float) -> list[LimitSpec]:
    """A limit of each kind; of tokens so many calls' worth."""
    tokens = maximum * ESTIMATE // 4
    return [
        LimitSpec("rate", "rate", "a", LimitUnit.REQUESTS, maximum, window_s),
        LimitSpec("small", "small", "a", LimitUnit.REQUESTS, 50, window_s),
        LimitSpec("steady", "steady", "a", LimitUnit.REQUESTS, maximum, window_s, maximum // 10),
        LimitSpec("tokens", "tokens", "a", LimitUnit.TOKENS, tokens, window_s),
        LimitSpec("calls", "calls", "a", LimitUnit.CONCURRENT, SLOTS, 0.0),
    ]


class Worker:
    """Calls against all limits at once."""

    def __init__(self, tally: RedisTally, end: float) -> None:
        self.tally = tally
        self.end = end
        self.lines: list[str] = []
        self.questions = 0
        self.late_s: list[float] = []  # how much later than it should this process runs
        self.asked: Counts[str] = Counts()  # units, whether they were given or not

    async def admit(self, counter: Counter, cost: int) -> tuple[float, float]:
        self.asked[counter.spec.name] += cost
        now = time.monotonic()
        wait = counter.take(cost, now)
        if wait == ASK:
            self.questions += 1
            await self.tally.ask([(counter, cost)])
            now = time.monotonic()
            wait = counter.take(cost, now)
        return wait, now

    def note(self, name: str, taken_at: float, cost: int, ended_at: float) -> None:
        self.lines.append(f"{name} {int(taken_at * 1e9)} {cost} {int(ended_at * 1e9)}")

    async def rates(self, counter: Counter, pause_s: float) -> None:
        name = counter.spec.name
        while time.monotonic() < self.end:
            wait, now = await self.admit(counter, 1)
            if wait == TAKEN:
                self.note(name, now, 1, now)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))

    async def tokens(self, counter: Counter, pause_s: float) -> None:
        while time.monotonic() < self.end:
            wait, now = await self.admit(counter, ESTIMATE)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            if wait == TAKEN:
                cost = random.randint(ESTIMATE // 2, ESTIMATE)
                counter.put_back(ESTIMATE - cost, now, time.monotonic())
                self.note("tokens", now, cost, time.monotonic())

    async def calls(self, counter: Counter) -> None:
        while time.monotonic() < self.end:
            wait, now = await self.admit(counter, 1)
            await asyncio.sleep(random.uniform(0.005, 0.05))
            if wait == TAKEN:
                ended_at = time.monotonic()
                counter.put_back(1, now, ended_at)
                self.note("calls", now, 1, ended_at)

    async def house(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self.tally.keep_house()

    async def watch(self) -> None:
        while True:
            begun = time.monotonic()
            await asyncio.sleep(0.01)
            self.late_s.append(time.monotonic() - begun - 0.01)


async def main(
    url: str, worker: str, begin: float, seconds: float, maximum: int, window_s: float
) -> None:
    tally = RedisTally(connect(url), worker)
    load = Worker(tally, begin + seconds)
    rate, small, steady, tokens, calls = map(tally.counter, limits(maximum, window_s))
    await asyncio.sleep(max(0.0, begin - time.monotonic()))
    # Far more than the limits give: they open in phases, and each phase is to be filled.
    tasks = max(2, round(maximum / window_s / 40))
    aside = [asyncio.create_task(load.house()), asyncio.create_task(load.watch())]
    await asyncio.gather(
        *(load.rates(rate, 0.015) for _ in range(tasks)),
        *(load.rates(small, 0.100) for _ in range(2)),
        *(load.rates(steady, 0.015) for _ in range(tasks)),
        *(load.tokens(tokens, 0.100) for _ in range(tasks)),
        *(load.calls(calls) for _ in range(SLOTS // 2)),
    )
    for task in aside:
        task.cancel()
    late_us = int(statistics.quantiles(load.late_s, n=20)[-1] * 1e6)
    asked = [f"asked:{name} {units} 0 0" for name, units in load.asked.items()]
    print(
        "\n".join(
            [*load.lines, f"questions {load.questions} 0 0", f"late_us {late_us} 0 0", *asked]
        )
    )
    await tally.close()


if __name__ == "__main__":
    _, address, name, *numbers, most, window = sys.argv
    asyncio.run(main(address, name, *map(float, numbers), int(most), float(window)))
