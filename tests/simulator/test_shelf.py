"""Files are kept and batches run their course: each look is a step."""

import msgspec
import pytest
from tests.simulator.asking import FORM, ask

from faregate.simulator.routing import Router

CHAT = "/v1/chat/completions"
VERSION = {"anthropic-version": "2023-06-01"}


def put(router, content, purpose="batch"):
    body = (
        b'--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n' + purpose.encode() +
        b'\r\n--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content +
        b"\r\n--XX--\r\n"
    )  # fmt: skip
    return ask("/v1/files", body, headers=FORM, router=router).json["id"]


def lines(*models, url=CHAT):
    rows = [
        {
            "custom_id": f"c{number}",
            "method": "POST",
            "url": url,
            "body": {"model": model, "messages": [{"role": "user", "content": "x"}]},
        }
        for number, model in enumerate(models)
    ]
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def batch(router, content, **members):
    asked = {"input_file_id": put(router, content), "endpoint": CHAT, "completion_window": "24h"}
    return ask("/v1/batches", {**asked, **members}, router=router)


def look(router, path):
    return ask(path, method="GET", router=router)


def test_files():
    router = Router(None)
    name = put(router, b"a\r\nb")
    assert look(router, f"/v1/files/{name}").json["bytes"] == 4
    assert look(router, f"/v1/files/{name}/content").body == b"a\r\nb"
    assert [row["id"] for row in look(router, "/v1/files").json["data"]] == [name]
    assert look(router, "/v1/files?purpose=other").json["data"] == []
    assert ask(f"/v1/files/{name}", method="DELETE", router=router).json["deleted"]
    assert look(router, f"/v1/files/{name}").status == 404
    assert ask("/v1/files", b"--XX--", headers=FORM).status == 400


def test_a_batch_runs_its_course():
    router = Router(None)
    made = batch(router, lines("sim:tokens=3", "sim:error=quota", "sim:tokens=4")).json
    path = f"/v1/batches/{made['id']}"
    states = [made["status"], *(look(router, path).json["status"] for _ in range(3))]
    assert states == ["validating", "in_progress", "completed", "completed"]
    done = look(router, path).json
    assert done["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert done["usage"]["output_tokens"] == 7
    good = look(router, f"/v1/files/{done['output_file_id']}/content").body.splitlines()
    bad = look(router, f"/v1/files/{done['error_file_id']}/content").body.splitlines()
    assert [msgspec.json.decode(line)["custom_id"] for line in good] == ["c0", "c2"]
    assert msgspec.json.decode(bad[0])["response"]["status_code"] == 429
    assert look(router, "/v1/batches").json["data"][0]["id"] == made["id"]


def test_a_batch_can_be_cancelled():
    router = Router(None)
    path = f"/v1/batches/{batch(router, lines('sim')).json['id']}"
    assert ask(f"{path}/cancel", method="POST", router=router).json["status"] == "cancelling"
    assert look(router, path).json["status"] == "cancelled"
    assert ask(f"{path}/cancel", method="POST", router=router).status == 409


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_file"),
        (b"x\n", "invalid_json_line"),
        (b"[]\n", "invalid_json_line"),
        (lines("sim", url="/v1/embeddings"), "mismatched_url"),
        (lines("sim") * 2, "duplicate_custom_id"),
    ],
)
def test_a_batch_of_nonsense_fails(content, code):
    router = Router(None)
    found = look(router, f"/v1/batches/{batch(router, content).json['id']}").json
    assert (found["status"], found["errors"]["data"][0]["code"]) == ("failed", code)


@pytest.mark.parametrize(
    "members", [{"endpoint": "/v1/x"}, {"input_file_id": "x"}, {"completion_window": "1h"}]
)
def test_what_is_refused(members):
    assert batch(Router(None), lines("sim"), **members).status in (400, 404)


def test_a_batch_of_messages():
    router = Router(None)
    params = {"max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    rows = [
        {"custom_id": model, "params": {**params, "model": model}}
        for model in ("sim:tokens=2", "sim:error=overloaded")
    ]
    path = "/v1/messages/batches"
    made = ask(path, {"requests": rows}, headers=VERSION, router=router).json
    assert look(router, f"{path}/{made['id']}/results").status == 400
    ended = look(router, f"{path}/{made['id']}").json
    assert (made["processing_status"], ended["processing_status"]) == ("in_progress", "ended")
    assert ended["request_counts"]["succeeded"] == ended["request_counts"]["errored"] == 1
    found = look(router, f"{path}/{made['id']}/results").body.splitlines()
    results = [msgspec.json.decode(line)["result"] for line in found]
    assert results[0]["message"]["usage"]["output_tokens"] == 2
    assert results[1]["error"]["error"]["type"] == "overloaded_error"
    assert look(router, path).json["data"][0]["id"] == made["id"]
    assert look(router, f"{path}/x").status == 404
    assert ask(path, {"requests": []}, router=router).status == 400
