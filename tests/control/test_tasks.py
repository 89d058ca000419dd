"""What runs beside the API."""

import asyncio

from faregate.control.management import Management
from faregate.control.resources.kinds import KINDS, Kind
from faregate.control.tasks import Warming, background_tasks


async def test_lists_are_made_before_they_are_asked_for(management: Management) -> None:
    made: list[str] = []
    loop, all_made = asyncio.get_running_loop(), asyncio.Event()

    class Index:
        def of(self, kind: Kind) -> None:
            made.append(kind.field)
            if len(made) == len(KINDS):
                loop.call_soon_threadsafe(all_made.set)

    management.index = Index()  # type: ignore[assignment]
    warming = Warming(management)
    stopping = asyncio.Event()
    running = asyncio.create_task(warming(stopping))
    await asyncio.wait_for(all_made.wait(), 5)
    stopping.set()
    await asyncio.wait_for(running, 5)
    assert made == list(KINDS)
    warming.warm()
    assert made == list(KINDS)


def test_tasks_are_functions_of_an_event(management: Management) -> None:
    assert all(callable(task) for task in background_tasks(management))
