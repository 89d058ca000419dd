"""/v1/batches: what is made is kept for the runner, and told to its owner alone."""

from typing import Any

import msgspec
import pytest
from tests.gate.filed import BATCH, keep_files, send, upload
from tests.gate.running import Place, document

from faregate.batches.memory import MemoryBatches
from faregate.configuration.settings import BatchSettings, Settings


@pytest.fixture
def store(place: Place) -> MemoryBatches:
    return keep_files(place)


async def made(place: Place, key: str | None = None, **more: Any) -> Any:
    file_id = (await upload(place, key=key)).json["id"]
    body = {"input_file_id": file_id, **BATCH, **more}
    return await send(place, "POST", "/v1/batches", body, key)


async def test_a_batch_waits_for_its_runner(place: Place, store: MemoryBatches) -> None:
    reply = await made(
        place,
        metadata={"a": "b"},
        output_expires_after={"anchor": "created_at", "seconds": 3_600},
    )
    told = reply.json
    assert (reply.status, told["status"], told["metadata"]) == (200, "validating", {"a": "b"})
    assert told["expires_at"] == told["created_at"] + 86_400
    [batch] = store.open_batches()
    assert (batch.batch_id, batch.output_keep_s, batch.owner) == (
        told["id"], 3_600, f"key:{batch.key_id}",
    )  # fmt: skip
    path = f"/v1/batches/{told['id']}"
    assert (await send(place, "GET", path)).json == told
    assert (await send(place, "GET", "/v1/batches")).json["data"] == [told]
    cancelled = (await send(place, "POST", f"{path}/cancel", b"")).json
    assert (cancelled["status"], cancelled["cancelling_at"] is None) == ("cancelling", False)
    assert (await send(place, "POST", path, b"")).code == "route_unknown"
    store.fail(told["id"], (), 7)
    assert (await send(place, "POST", f"{path}/cancel", b"")).code == "batch_state_conflict"


async def test_what_is_anothers_is_not_there(place: Place, store: MemoryBatches) -> None:
    other = place.source.add_key("other")
    batch_id = (await made(place)).json["id"]
    for method, end in (("GET", ""), ("POST", "/cancel")):
        reply = await send(place, method, f"/v1/batches/{batch_id}{end}", b"", other)
        assert (reply.status, reply.code) == (404, "batch_unknown")
    assert (await send(place, "GET", "/v1/batches", key=other)).json["data"] == []
    file_id = (await upload(place)).json["id"]
    body = {"input_file_id": file_id, **BATCH}
    assert (await send(place, "POST", "/v1/batches", body, other)).code == "file_unknown"
    assert store.batch(None, batch_id) is not None
    # One that was made of messages is not shown here.
    asked = {"requests": [{"custom_id": "a", "params": {}}]}
    message_batch = (await send(place, "POST", "/v1/messages/batches", asked)).json["id"]
    assert (await send(place, "GET", f"/v1/batches/{message_batch}")).code == "batch_unknown"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "more",
    [
        {"endpoint": "/v1/audio/speech"},
        {"endpoint": 7},
        {"completion_window": "1h"},
        {"metadata": {"a": 7}},
        {"metadata": {"a" * 65: ""}},
        {"metadata": {"a": "b" * 513}},
        {"metadata": {str(n): "" for n in range(17)}},
        {"output_expires_after": {"anchor": "created_at", "seconds": 1}},
        {"input_file_id": "x" * 65},
    ],
)
async def test_what_is_wrong_is_refused(place: Place, more: dict[str, Any]) -> None:
    reply = await made(place, **more)
    assert (reply.status, reply.code) == (400, "request_invalid")


@pytest.mark.usefixtures("store")
async def test_an_input_is_a_file_for_batches(place: Place) -> None:
    file_id = (await upload(place, purpose="vision")).json["id"]
    reply = await send(place, "POST", "/v1/batches", {"input_file_id": file_id, **BATCH})
    assert (reply.code, reply.json["param"]) == ("request_invalid", "input_file_id")
    assert (await send(place, "POST", "/v1/batches", b"[[[")).code == "request_invalid"


@pytest.mark.usefixtures("store")
async def test_so_many_are_open_at_once(place: Place) -> None:
    settings = Settings(batches=BatchSettings(open_max=1))
    place.adopt(msgspec.structs.replace(document(place.base_url), settings=settings))
    assert (await made(place)).status == 200
    assert ((await made(place)).status, (await made(place)).code) == (409, "storage_full")


@pytest.mark.usefixtures("store")
async def test_without_batches_there_is_no_such_address(place: Place) -> None:
    settings = Settings(batches=BatchSettings(enabled=False))
    place.adopt(msgspec.structs.replace(document(place.base_url), settings=settings))
    assert (await made(place)).code == "route_unknown"
    assert (await send(place, "GET", "/v1/messages/batches")).code == "route_unknown"


async def test_fields_that_count_for_every_call_are_kept(
    place: Place, store: MemoryBatches
) -> None:
    file_id = (await upload(place)).json["id"]
    await send(
        place, "POST", "/v1/batches", {"input_file_id": file_id, **BATCH},
        faregate_run="r", anthropic_beta="b", x_other="o",
    )  # fmt: skip
    assert store.open_batches()[0].fields == {"faregate-run": "r", "anthropic-beta": "b"}


@pytest.mark.usefixtures("store")
async def test_batches_come_in_pages(place: Place) -> None:
    ids = [(await made(place)).json["id"] for _ in range(3)]
    first = (await send(place, "GET", "/v1/batches?limit=2")).json
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    last = (await send(place, "GET", f"/v1/batches?after={first['last_id']}")).json
    assert ([one["id"] for one in last["data"]], last["has_more"]) == (ids[:1], False)
    assert (await send(place, "GET", "/v1/batches?limit=101")).json["param"] == "limit"
