"""Files and batches, kept in memory: OpenAI's and Anthropic's.

A batch takes a step each time that it is looked at: validating, in progress, completed. Its
requests are answered at the last one, each by the script of its model's name.

Sources: OpenAI's API reference: Files, Batch; Anthropic's API reference: Message Batches.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from faregate.simulator.answer import CREATED, encode
from faregate.simulator.anthropic import ANTHROPIC
from faregate.simulator.errors import OPENAI, RefusedError, Voice
from faregate.simulator.exchange import Document, Endpoint, Exchange, Message, Scheme
from faregate.simulator.multipart import Form

FILES_MAX: Final = 1_000
FILE_BYTES_MAX: Final = 256 * 1024 * 1024  # all together
BATCHES_MAX: Final = 1_000
REQUESTS_MAX: Final = 50_000
DAY_SECONDS: Final = 86_400
BATCH_ENDPOINTS: Final = (
    "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses",
    "/v1/moderations", "/v1/images/generations", "/v1/images/edits",
)  # fmt: skip

# The answer to a request of a batch: its status and its body.
Answering = Callable[[str, bytes], tuple[int, bytes]]
Reading = Callable[[Message], Exchange]


class _File(NamedTuple):
    document: dict[str, Any]
    content: bytes


class Shelf:
    """What callers left here; `answer` answers a request of a batch."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._files: dict[str, _File] = {}
        self._batches: dict[str, dict[str, Any]] = {}
        self._message_batches: dict[str, dict[str, Any]] = {}
        self._requests: dict[str, list[dict[str, Any]]] = {}
        self._results: dict[str, bytes] = {}
        self._number = 0
        self._addresses = (
            *self._addressed(
                OPENAI,
                "bearer",
                ("/v1/files", self._read_files, ("GET", "POST")),
                ("/v1/files/(?P<id>[^/]+)", self._read_file, ("GET", "DELETE")),
                ("/v1/files/(?P<id>[^/]+)/content", self._read_content, ("GET",)),
                ("/v1/batches", self._read_batches, ("GET", "POST")),
                ("/v1/batches/(?P<id>[^/]+)", self._read_batch, ("GET",)),
                ("/v1/batches/(?P<id>[^/]+)/cancel", self._cancel, ("POST",)),
            ),
            *self._addressed(
                ANTHROPIC,
                "x-api-key",
                ("/v1/messages/batches", self._read_messages, ("GET", "POST")),
                ("/v1/messages/batches/(?P<id>[^/]+)", self._read_message_batch, ("GET",)),
                ("/v1/messages/batches/(?P<id>[^/]+)/results", self._read_results, ("GET",)),
            ),
        )

    def _addressed(
        self, voice: Voice, scheme: Scheme, *rows: tuple[str, Reading, tuple[str, ...]]
    ) -> Iterator[tuple[re.Pattern[str], Endpoint]]:
        for pattern, read, methods in rows:
            yield re.compile(pattern), Endpoint(read, voice, scheme, methods, kept=False)

    def find(self, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint at a path, and the variable parts of it."""
        for pattern, endpoint in self._addresses:
            if found := pattern.fullmatch(path):
                return endpoint, found.groupdict()
        return None

    # -- Files ------------------------------------------------------------------------------------

    def _read_files(self, message: Message) -> Exchange:
        if message.method == "GET":
            purpose = message.query.get("purpose")
            rows = [file.document for file in self._files.values()]
            return _listed([row for row in rows if purpose in (None, row["purpose"])])
        form = Form(message.headers.get("content-type", ""), message.body)
        part, purpose = form.file("file"), form.text("purpose")
        if not purpose:
            raise RefusedError("Missing required parameter: 'purpose'.", param="purpose")
        return _shown(self._add_file(part.filename or "", part.content, purpose))

    def _add_file(self, filename: str, content: bytes, purpose: str) -> dict[str, Any]:
        held = sum(len(file.content) for file in self._files.values())
        if len(self._files) >= FILES_MAX or held + len(content) > FILE_BYTES_MAX:
            raise RefusedError("The simulator's shelf is full.")
        name = self._name("file-")
        document: dict[str, Any] = {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": CREATED,
            "expires_at": None,
            "filename": filename,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        self._files[name] = _File(document, content)
        return document

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise RefusedError(f"No such File object: {name}", param="id", status=404)
        return self._files[name]

    def _read_file(self, message: Message) -> Exchange:
        file = self._file(message.names["id"])
        if message.method == "GET":
            return _shown(file.document)
        del self._files[message.names["id"]]
        return _shown({"id": message.names["id"], "object": "file", "deleted": True})

    def _read_content(self, message: Message) -> Exchange:
        return Document(self._file(message.names["id"]).content, "application/octet-stream")

    # -- OpenAI's batches -------------------------------------------------------------------------

    def _read_batches(self, message: Message) -> Exchange:
        if message.method == "GET":
            return _listed(list(self._batches.values()))
        asked = msgspec.json.decode(message.body)
        endpoint, name = asked.get("endpoint"), asked.get("input_file_id")
        if endpoint not in BATCH_ENDPOINTS:
            raise RefusedError(f"Invalid value: '{endpoint}'.", param="endpoint")
        self._file(str(name))
        if asked.get("completion_window") != "24h":
            raise RefusedError("Invalid value: supported: '24h'.", param="completion_window")
        if len(self._batches) >= BATCHES_MAX:
            raise RefusedError("The simulator's shelf is full.")
        batch = {
            "id": self._name("batch_"),
            "object": "batch",
            "endpoint": endpoint,
            "errors": None,
            "input_file_id": name,
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": CREATED,
            "in_progress_at": None,
            "expires_at": CREATED + DAY_SECONDS,
            "finalizing_at": None,
            "completed_at": None,
            "failed_at": None,
            "expired_at": None,
            "cancelling_at": None,
            "cancelled_at": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        self._batches[batch["id"]] = batch
        return _shown(dict(batch))

    def _batch(self, name: str) -> dict[str, Any]:
        if name not in self._batches:
            raise RefusedError(f"No batch found with id '{name}'.", status=404)
        return self._batches[name]

    def _read_batch(self, message: Message) -> Exchange:
        batch = self._batch(message.names["id"])
        if batch["status"] == "validating":
            self._validate(batch)
        elif batch["status"] == "in_progress":
            self._complete(batch)
        elif batch["status"] == "cancelling":
            batch |= {"status": "cancelled", "cancelled_at": CREATED + 3}
        return _shown(dict(batch))

    def _cancel(self, message: Message) -> Exchange:
        batch = self._batch(message.names["id"])
        if batch["status"] not in ("validating", "in_progress"):
            words = f"Cannot cancel a batch with status '{batch['status']}'."
            raise RefusedError(words, status=409)
        batch |= {"status": "cancelling", "cancelling_at": CREATED + 2}
        return _shown(dict(batch))

    def _validate(self, batch: dict[str, Any]) -> None:
        lines = self._file(batch["input_file_id"]).content.splitlines()[: REQUESTS_MAX + 1]
        problem = _problem(lines, batch["endpoint"])
        if problem is None:
            batch |= {"status": "in_progress", "in_progress_at": CREATED + 1}
            batch["request_counts"] = {"total": len(lines), "completed": 0, "failed": 0}
            return
        errors = {"object": "list", "data": [problem]}
        batch |= {"status": "failed", "failed_at": CREATED + 1, "errors": errors}

    def _complete(self, batch: dict[str, Any]) -> None:
        good: list[bytes] = []
        bad: list[bytes] = []
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        lines = self._file(batch["input_file_id"]).content.splitlines()
        for number, line in enumerate(lines):
            row = msgspec.json.decode(line)
            status, body = self._answer(batch["endpoint"], encode(row["body"]))
            document = msgspec.json.decode(body)
            response = {"status_code": status, "request_id": f"req_{number}", "body": document}
            said = {"id": f"batch_req_{number}", "custom_id": row["custom_id"]}
            made = encode({**said, "response": response, "error": None})
            (good if status < 400 else bad).append(made)
            _count(usage, document.get("usage") or {})
        batch |= {"status": "completed", "finalizing_at": CREATED + 2, "usage": usage}
        batch["completed_at"] = CREATED + 3
        for member, rows in (("output_file_id", good), ("error_file_id", bad)):
            if rows:
                content = b"".join(row + b"\n" for row in rows)
                batch[member] = self._add_file("output.jsonl", content, "batch_output")["id"]
        batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}

    # -- Anthropic's batches ----------------------------------------------------------------------

    def _read_messages(self, message: Message) -> Exchange:
        if message.method == "GET":
            rows = list(self._message_batches.values())
            ends = {"first_id": rows[0]["id"] if rows else None}
            ends["last_id"] = rows[-1]["id"] if rows else None
            return _shown({"data": rows, "has_more": False, **ends})
        rows = msgspec.json.decode(message.body).get("requests")
        if not isinstance(rows, list) or not 1 <= len(rows) <= REQUESTS_MAX:
            raise RefusedError("requests: List should have at least 1 item")
        names = [row["custom_id"] for row in rows]
        if len(set(names)) != len(names):
            raise RefusedError("requests: custom_id must be unique")
        if len(self._message_batches) >= BATCHES_MAX:
            raise RefusedError("The simulator's shelf is full.")
        name = self._name("msgbatch_")
        self._requests[name] = rows
        counts = {"succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
        self._message_batches[name] = batch = {
            "id": name,
            "type": "message_batch",
            "processing_status": "in_progress",
            "request_counts": {"processing": len(rows), **counts},
            "created_at": "2023-11-14T22:13:20Z",
            "expires_at": "2023-11-15T22:13:20Z",
            "ended_at": None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": None,
        }
        return _shown(dict(batch))

    def _message_batch(self, name: str) -> dict[str, Any]:
        if name not in self._message_batches:
            raise RefusedError(f"Message batch {name} not found.", "not_found")
        return self._message_batches[name]

    def _read_message_batch(self, message: Message) -> Exchange:
        name = message.names["id"]
        batch = self._message_batch(name)
        if batch["processing_status"] == "ended":
            return _shown(batch)
        lines, failed = [], 0
        for row in self._requests.pop(name):
            status, body = self._answer("/v1/messages", encode(row["params"]))
            kind, member = ("succeeded", "message") if status < 400 else ("errored", "error")
            failed += status >= 400
            result = {"type": kind, member: msgspec.Raw(body)}
            lines.append(encode({"custom_id": row["custom_id"], "result": result}) + b"\n")
        self._results[name] = b"".join(lines)
        host = message.headers.get("host", "localhost")
        batch |= {"processing_status": "ended", "ended_at": "2023-11-14T22:14:20Z"}
        batch["results_url"] = f"http://{host}/v1/messages/batches/{name}/results"
        batch["request_counts"] |= {"processing": 0, "errored": failed}
        batch["request_counts"]["succeeded"] = len(lines) - failed
        return _shown(batch)

    def _read_results(self, message: Message) -> Exchange:
        name = message.names["id"]
        self._message_batch(name)
        if name not in self._results:
            raise RefusedError(f"Results of message batch {name} are not available yet.")
        return Document(self._results[name], "application/x-jsonl")

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}sim{self._number:08}"


def _shown(document: dict[str, Any]) -> Document:
    return Document(encode(document))


def _listed(rows: list[dict[str, Any]]) -> Document:
    ends = {"first_id": rows[0]["id"] if rows else None, "has_more": False}
    ends["last_id"] = rows[-1]["id"] if rows else None
    return _shown({"object": "list", "data": rows, **ends})


def _problem(lines: list[bytes], endpoint: str) -> dict[str, Any] | None:
    """What is wrong with the input of a batch, and in which line."""
    if not 1 <= len(lines) <= REQUESTS_MAX:
        return {"code": "invalid_file", "line": None, "message": "The file has no requests, or "
                "too many.", "param": None}  # fmt: skip
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        code, message = "invalid_json_line", "This line is not parseable as valid JSON."
        try:
            row = msgspec.json.decode(line)
            name = row["custom_id"]
            if name in seen:
                code, message = "duplicate_custom_id", "The custom_id is not unique."
            elif row["url"] != endpoint:
                code, message = "mismatched_url", "The URL is not that of the batch."
            elif isinstance(row["body"], dict) and isinstance(name, str):
                seen.add(name)
                continue
        except (msgspec.DecodeError, LookupError, TypeError, RecursionError):
            pass
        return {"code": code, "line": number, "message": message, "param": None}
    return None


def _count(usage: dict[str, int], found: dict[str, Any]) -> None:
    counted = found.get("input_tokens", found.get("prompt_tokens", 0))
    output = found.get("output_tokens", found.get("completion_tokens", 0))
    usage["input_tokens"] += counted
    usage["output_tokens"] += output
    usage["total_tokens"] += counted + output
