"""/v1/messages/batches: as Anthropic's, in its shapes, refusals too."""

from typing import Any

import pytest
from tests.gate.filed import keep_files, send
from tests.gate.running import Place

from faregate.batches.facts import Ending, LineFacts, input_name
from faregate.batches.memory import MemoryBatches

PATH = "/v1/messages/batches"
REQUEST = {"custom_id": "a", "params": {"model": "sim", "max_tokens": 5, "messages": []}}


@pytest.fixture
def store(place: Place) -> MemoryBatches:
    return keep_files(place)


async def made(place: Place, *requests: dict[str, Any], **fields: str) -> Any:
    return await send(place, "POST", PATH, {"requests": requests or (REQUEST,)}, **fields)


def end(store: MemoryBatches, batch_id: str) -> None:
    """End a batch as a runner does."""
    store.begin(batch_id, [LineFacts(1, "a", "sim", 0, 1)], 7)
    ending = Ending("cancelled", "cancelled", 9, 100)
    store.finish(batch_id, ending, lambda *_: b'{"custom_id": "a"}\n')


async def test_a_batch_is_made_and_followed(place: Place, store: MemoryBatches) -> None:
    reply = await made(place, REQUEST, REQUEST | {"custom_id": "b"}, anthropic_version="2023-06-01")
    told = reply.json
    assert (reply.status, told["type"], told["request_counts"]["processing"]) == (
        200, "message_batch", 2,
    )  # fmt: skip
    batch_id = told["id"]
    [batch] = store.open_batches()
    assert batch.fields == {"anthropic-version": "2023-06-01"}
    assert store.read(input_name(batch_id), 0, 9_999).count(b"\n") == 2
    path = f"{PATH}/{batch_id}"
    assert (await send(place, "GET", path)).json["processing_status"] == "in_progress"
    assert (await send(place, "GET", PATH)).json["data"][0]["id"] == batch_id
    for method, where in (("GET", f"{path}/results"), ("DELETE", path)):
        reply = await send(place, method, where)
        assert (reply.status, reply.json["error"]["details"]["error_code"]) == (
            409, "batch_state_conflict",
        )  # fmt: skip
    cancelling = (await send(place, "POST", f"{path}/cancel", b"")).json
    assert cancelling["processing_status"] == "canceling"
    end(store, batch_id)
    ended = (await send(place, "GET", path)).json
    assert (ended["processing_status"], ended["request_counts"]["canceled"]) == ("ended", 1)
    results = await send(place, "GET", ended["results_url"])
    assert (results.body, results["content-type"]) == (
        b'{"custom_id": "a"}\n', "application/x-jsonl",
    )  # fmt: skip
    assert (await send(place, "DELETE", path)).json["type"] == "message_batch_deleted"
    assert (await send(place, "GET", path)).status == 404


@pytest.mark.usefixtures("store")
async def test_what_is_anothers_is_not_there(place: Place) -> None:
    other = place.source.add_key("other")
    batch_id = (await made(place)).json["id"]
    for method, where in (
        ("GET", ""), ("GET", "/results"), ("POST", "/cancel"), ("DELETE", ""),
    ):  # fmt: skip
        reply = await send(place, method, f"{PATH}/{batch_id}{where}", b"", other)
        assert (reply.status, reply.json["error"]["type"]) == (404, "not_found_error")
    assert (await send(place, "GET", PATH, key=other)).json["data"] == []
    assert (await send(place, "POST", f"{PATH}/{batch_id}", b"")).status == 404
    assert (await send(place, "GET", f"{PATH}/{'x' * 1_000}")).status == 404


@pytest.mark.usefixtures("store")
async def test_what_is_wrong_is_named(place: Place) -> None:
    reply = await made(place, REQUEST, REQUEST)
    error = reply.json["error"]
    assert (reply.status, error["type"]) == (400, "invalid_request_error")
    assert error["details"]["param"] == "requests.1.custom_id"
    assert (await send(place, "GET", f"{PATH}?limit=1001")).status == 400


@pytest.mark.usefixtures("store")
async def test_batches_come_in_pages(place: Place) -> None:
    ids = [(await made(place)).json["id"] for _ in range(4)]

    async def page(query: str) -> tuple[list[str], bool]:
        told = (await send(place, "GET", f"{PATH}?{query}")).json
        return [one["id"] for one in told["data"]], told["has_more"]

    assert await page("limit=3") == (ids[:0:-1], True)
    assert await page(f"after_id={ids[1]}") == (ids[:1], False)
    assert await page(f"before_id={ids[1]}&limit=1") == ([ids[2]], True)
    assert await page(f"before_id={ids[1]}&limit=2") == ([ids[3], ids[2]], False)
