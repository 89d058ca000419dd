"""Past calls in memory: for tests, and for trying things out."""

from faregate.calllog.frames import CallRecord
from faregate.core.errors import StorageError


class MemoryDecisions:
    """`DecisionSource` without files.

    While `fail` is set `find` raises `StorageError`, as files do that can't be read.
    """

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}
        self.fail = False
        self.closed = False

    def find(self, call_id: str) -> CallRecord | None:
        """One call with its decision."""
        if self.fail:
            raise StorageError("the call log is gone")
        return self.records.get(call_id)

    def close(self) -> None:
        """Remember that nobody reads any more."""
        self.closed = True
