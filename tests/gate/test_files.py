"""/v1/files: what is uploaded comes back, to its owner alone, within limits."""

import msgspec
import pytest
from tests.gate.filed import keep_files, send, upload
from tests.gate.running import Place, document

from faregate.configuration.settings import FileSettings, Settings
from faregate.wire.multipart import Field, write


@pytest.fixture(autouse=True)
def _kept(place: Place) -> None:
    keep_files(place)


async def test_a_file_comes_back(place: Place) -> None:
    reply = await upload(place, b"some\r\n\x00")
    told = reply.json
    assert (reply.status, told["object"], told["bytes"]) == (200, "file", 7)
    assert told["expires_at"] == told["created_at"] + 30 * 86_400
    path = f"/v1/files/{told['id']}"
    assert (await send(place, "GET", path)).json == told
    content = await send(place, "GET", f"{path}/content")
    assert (content.body, content["cache-control"]) == (b"some\r\n\x00", "no-store")
    head = await send(place, "HEAD", f"{path}/content")
    assert (head.status, head["content-length"]) == (200, "7")
    assert (await send(place, "GET", "/v1/files")).json["data"] == [told]
    assert (await send(place, "DELETE", path)).json == {
        "id": told["id"], "object": "file", "deleted": True,
    }  # fmt: skip
    assert (await send(place, "GET", path)).code == "file_unknown"
    assert (await send(place, "OPTIONS", path))["allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert (await send(place, "PUT", path, b"")).code == "method_not_allowed"


async def test_an_empty_file_is_one(place: Place) -> None:
    file_id = (await upload(place, b"")).json["id"]
    assert (await send(place, "GET", f"/v1/files/{file_id}/content")).body == b""


async def test_what_is_anothers_is_not_there(place: Place) -> None:
    other = place.source.add_key("other")
    friend = place.source.add_key("friend", application="shop")
    colleague = place.source.add_key("colleague", application="shop")
    file_id = (await upload(place)).json["id"]
    theirs = (await upload(place, key=friend)).json["id"]
    never = (await send(place, "GET", "/v1/files/file-none", key=other)).json
    for method, end in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        reply = await send(place, method, f"/v1/files/{file_id}{end}", key=other)
        assert reply.code == "file_unknown"
        assert reply.json["title"] == never["title"]
    assert (await send(place, "GET", "/v1/files", key=other)).json["data"] == []
    assert (await send(place, "GET", f"/v1/files/{theirs}", key=colleague)).status == 200
    assert (await send(place, "GET", f"/v1/files/{theirs}")).code == "file_unknown"
    assert (await send(place, "GET", "/v1/files", key="")).status == 401


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([Field("purpose", b"batch")], "file"),
        ([Field("purpose", b"batch"), Field("file", b"x")], "file"),
        ([Field("file", b"x", "a")], "purpose"),
        ([Field("purpose", b"nothing"), Field("file", b"x", "a")], "purpose"),
        ([Field("purpose", b"batch", "p"), Field("file", b"x", "a")], "purpose"),
        ([Field("purpose", b"batch")] * 2 + [Field("file", b"x", "a")], "file"),
        (
            [
                Field("purpose", b"batch"),
                Field("file", b"x", "a"),
                Field("expires_after[seconds]", b"5"),
            ],
            "expires_after[seconds]",
        ),
        (
            [
                Field("purpose", b"batch"),
                Field("file", b"x", "a"),
                Field("expires_after[anchor]", b"now"),
            ],
            "expires_after[anchor]",
        ),
    ],
)
async def test_a_form_that_is_wrong_is_named(place: Place, fields: list[Field], param: str) -> None:
    body, content_type = write(fields)
    reply = await send(place, "POST", "/v1/files", body, content_type=content_type)
    assert (reply.code, reply.json["param"]) == ("request_invalid", param)


async def test_what_is_no_form_is_refused(place: Place) -> None:
    for content_type in (
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ):
        reply = await send(place, "POST", "/v1/files", b"{}", content_type=content_type)
        assert reply.code == "request_invalid"


async def test_limits_are_refused_by_name(place: Place) -> None:
    settings = Settings(files=FileSettings(bytes_max=10, total_bytes_max=15, count_max=2))
    place.adopt(msgspec.structs.replace(document(place.base_url), settings=settings))
    large = await upload(place, b"x" * 11)
    assert (large.status, large.code, large.json["limit"]) == (413, "file_too_large", 10)
    assert (await upload(place, b"x" * 10)).status == 200
    assert (await upload(place, b"x" * 6)).code == "storage_full"
    assert (await upload(place, b"x")).status == 200
    assert (await upload(place, b"x")).code == "storage_full"
    assert (await upload(place, b"x", key=place.source.add_key("other"))).status == 200


async def test_a_caller_may_ask_for_less_time(place: Place) -> None:
    told = (await upload(place, seconds="7200", anchor="created_at")).json
    assert told["expires_at"] == told["created_at"] + 7_200


async def test_files_come_in_pages(place: Place) -> None:
    ids = [(await upload(place)).json["id"] for _ in range(3)]
    first = (await send(place, "GET", "/v1/files?limit=2")).json
    assert ([file["id"] for file in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    last = (await send(place, "GET", f"/v1/files?limit=2&after={first['last_id']}")).json
    assert ([file["id"] for file in last["data"]], last["has_more"]) == (ids[:1], False)
    told = (await send(place, "GET", "/v1/files?order=asc&purpose=batch")).json
    assert [file["id"] for file in told["data"]] == ids
    assert (await send(place, "GET", "/v1/files?purpose=vision")).json["data"] == []
    for limit in ("0", "x", "10001", "1" * 99):
        reply = await send(place, "GET", f"/v1/files?limit={limit}")
        assert reply.json["param"] == "limit"
