"""A gate that keeps files in memory, and forms as clients send them."""

from typing import Any

from tests.gate.running import Place, Reply

from faregate.batches.memory import MemoryBatches
from faregate.core.errors import StorageError
from faregate.gate.filing import Filing
from faregate.wire.multipart import Field, write

BATCH: dict[str, Any] = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


class AwayBatches(MemoryBatches):
    """A store whose disk is gone."""

    def files(self, *_: Any) -> Any:
        raise StorageError("away")

    batches = files


def keep_files(place: Place, store: MemoryBatches | None = None) -> MemoryBatches:
    """Have the gate keep files; gives the store."""
    kept = store if store is not None else MemoryBatches()
    place.gate.filing = Filing(lambda: kept)
    return kept


async def upload(
    place: Place, data: bytes = b"some", purpose: str = "batch", key: str | None = None, **more: str
) -> Reply:
    """Send a form as OpenAI's clients do."""
    fields = [Field("purpose", purpose.encode()), Field("file", data, "in.jsonl")]
    fields += [Field(f"expires_after[{name}]", text.encode()) for name, text in more.items()]
    body, content_type = write(fields)
    return await send(place, "POST", "/v1/files", body, key, content_type=content_type)


async def send(
    place: Place,
    method: str,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    key: str | None = None,
    **fields: str,
) -> Reply:
    """One call on a connection of its own."""
    async with place.client(key) as client:
        client.ask(body, path, method, **fields)
        return await client.reply(bodiless=method == "HEAD")
