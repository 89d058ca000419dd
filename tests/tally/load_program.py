"""One worker that asks for more than its limits give, and writes down what it got.

    python load_program.py URL WORKER BEGIN_S SECONDS MAXIMUM

All times are of the monotonic clock, which processes of one machine share. Each line of the
output is: limit, nanosecond of the take, cost as it turned out, nanosecond of the end.
"""

import asyncio
import random
import sys
import time

from faregate.limits.counters import ASK, TAKEN, Counter, LimitSpec, LimitUnit
from faregate.tally.shared import RedisTally, connect

ESTIMATE = 20
SLOTS = 40


def limits(maximum: int) -> list[LimitSpec]:
    """A limit of each kind; of tokens so many calls' worth."""
    tokens = maximum * ESTIMATE // 4
    return [
        LimitSpec("rate", "rate", "a", LimitUnit.REQUESTS, maximum, 1.0),
        LimitSpec("small", "small", "a", LimitUnit.REQUESTS, 50, 1.0),
        LimitSpec("steady", "steady", "a", LimitUnit.REQUESTS, maximum, 1.0, maximum // 10),
        LimitSpec("tokens", "tokens", "a", LimitUnit.TOKENS, tokens, 1.0),
        LimitSpec("calls", "calls", "a", LimitUnit.CONCURRENT, SLOTS, 0.0),
    ]


class Worker:
    """Calls against all limits at once."""

    def __init__(self, tally: RedisTally, end: float) -> None:
        self.tally = tally
        self.end = end
        self.lines: list[str] = []
        self.questions = 0

    async def admit(self, counter: Counter, cost: int) -> tuple[float, float]:
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


async def main(url: str, worker: str, begin: float, seconds: float, maximum: int) -> None:
    tally = RedisTally(connect(url), worker)
    load = Worker(tally, begin + seconds)
    rate, small, steady, tokens, calls = map(tally.counter, limits(maximum))
    await asyncio.sleep(max(0.0, begin - time.monotonic()))
    # Each kind asks for about half as much again as the limit gives, over four workers.
    tasks = maximum // 100
    house = asyncio.create_task(load.house())
    await asyncio.gather(
        *(load.rates(rate, 0.025) for _ in range(tasks)),
        *(load.rates(small, 0.050) for _ in range(2)),
        *(load.rates(steady, 0.025) for _ in range(tasks)),
        *(load.tokens(tokens, 0.050) for _ in range(tasks)),
        *(load.calls(calls) for _ in range(SLOTS // 2)),
    )
    house.cancel()
    print("\n".join([*load.lines, f"questions {load.questions} 0 0"]))
    await tally.close()


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    )
