"""Follows the configuration: revisions and keys, four times a second.

With the store down the worker goes on with what it has, says so once, and says when it is back.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from faregate.core.errors import FaregateError
from faregate.gate.ports import ConfigurationSource, ConfigurationState
from faregate.identity.keys import KeyRecord

_log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25


class Follower:
    """One worker's view of the store, which it asks in a thread of its own."""

    def __init__(self, source: ConfigurationSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="configuration")
        self._cursor = 0
        self._down = False

    def read_first(self) -> ConfigurationState:
        """The state to begin with; called before the loop runs.

        Raises `FaregateError`.
        """
        return self._thread.submit(self._read_first).result()

    def _read_first(self) -> ConfigurationState:
        # The cursor first: a change in between is then seen twice, not missed.
        self._cursor = self._source.cursor()
        return self._source.latest()

    async def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """Look a key up; raises `FaregateError`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._source.find_key, key_hash)

    async def find_named_key(self, name: str) -> KeyRecord | None:
        """Look a key up by its name or id; raises `FaregateError`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._source.find_named_key, name)

    async def follow(
        self,
        adopt: Callable[[ConfigurationState], None],
        forget: Callable[[Iterable[bytes]], None],
    ) -> None:
        """Call `adopt` with new revisions and `forget` with changed keys.

        Ends when it is cancelled.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                found = await loop.run_in_executor(self._thread, self._news)
            except Exception as error:  # nothing may end this: keys would outlive their revocation
                self._is_down(error)
                continue
            self._is_up()
            if found is None:
                continue
            state, key_hashes = found
            if key_hashes:
                forget(key_hashes)
            if state is not None:
                self._adopt(adopt, state)

    def _news(self) -> tuple[ConfigurationState | None, tuple[bytes, ...]] | None:
        changes = self._source.changes_since(self._cursor)
        if changes.cursor == self._cursor:
            return None
        state = self._source.latest() if changes.revision is not None else None
        self._cursor = changes.cursor
        return state, changes.key_hashes

    @staticmethod
    def _adopt(adopt: Callable[[ConfigurationState], None], state: ConfigurationState) -> None:
        try:
            adopt(state)
        except FaregateError as error:
            _log.error("revision %d can't be used, the one before stays: %s", state.revision, error)
        except Exception:  # a defect of ours; the next revision may mend it
            _log.exception("revision %d can't be used, the one before stays", state.revision)
        else:
            _log.info("revision %d is in use", state.revision)

    def _is_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            _log.error("the configuration can't be read, going on with what is known: %s", error)

    def _is_up(self) -> None:
        if self._down:
            self._down = False
            _log.warning("the configuration can be read again")

    def close(self) -> None:
        """Let go of the store."""
        self._thread.submit(self._source.close)
        self._thread.shutdown(wait=True)
