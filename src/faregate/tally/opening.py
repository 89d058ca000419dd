"""Which counters a worker uses: its own, or shared ones."""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from faregate.configuration.settings import Settings
from faregate.core.errors import FaregateError, StorageError
from faregate.limits.counters import Counter, LimitSpec
from faregate.tally.memory import MemoryTally

if TYPE_CHECKING:
    from faregate.tally.shared import RedisTally

WORKERS_VARIABLE: Final = "FAREGATE_WORKERS"  # gate processes of this node, as they were started
LIMITS_URL_VARIABLE: Final = "FAREGATE_LIMITS_URL"  # the Valkey that the supervisor started

_FIX: Final = "pip install 'faregate[shared]', or name a Redis in settings.limits.redis_url"


class MissingTally:
    """Where several workers have nowhere to count, every limit is an error."""

    is_degraded = True

    def counter(self, spec: LimitSpec) -> Counter:
        """Raises `StorageError`: nothing could hold the limit."""
        _refuse()

    async def ask(self, wanted: Sequence[tuple[Counter, int]]) -> None:
        """Raises `StorageError` too."""
        _refuse()

    async def keep_house(self) -> None:
        """Nothing to keep."""

    async def close(self) -> None:
        """Nothing to close."""


def _refuse() -> NoReturn:
    raise StorageError("several workers have nowhere to count limits together", fix=_FIX)


def open_tally(
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
    now: Callable[[], float] = time.monotonic,
) -> "MemoryTally | MissingTally | RedisTally":
    """The counters of a worker that was started with this `environment`.

    Nothing is connected yet. Raises `FaregateError` where a Redis is named that can't be used.
    """
    workers = int(environment.get(WORKERS_VARIABLE, "1"))
    url = settings.limits.redis_url or environment.get(LIMITS_URL_VARIABLE)
    if url is None:
        return MemoryTally(now) if workers == 1 else MissingTally()
    try:
        from faregate.tally.shared import RedisTally, connect  # here: an optional package

        client = connect(url)
    except ImportError:
        raise FaregateError(
            "settings.limits.redis_url needs a client that is not installed",
            fix="pip install 'faregate[redis]'",
        ) from None
    except ValueError as error:
        raise FaregateError(
            f"settings.limits.redis_url can't be used: {error}",
            fix="write redis://host:port/0, rediss://... or unix:///path",
        ) from None
    return RedisTally(
        client,
        secrets.token_hex(8),
        when_down=settings.limits.when_down,
        workers_total=settings.limits.workers_total or workers,
        now=now,
    )
