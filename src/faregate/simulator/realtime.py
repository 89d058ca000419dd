"""OpenAI's realtime sessions: events in, events out, and no sockets.

Input tokens are a quarter of the bytes of the items of the conversation and of the instructions;
audio that came is ten tokens a second. With audio among the modalities the words come as the
transcript of silence.

Sources: OpenAI's API reference: Realtime, client events and server events; the types of OpenAI's
Python SDK.
"""

import base64
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from faregate.simulator.answer import Answer, Asked, compose, encode
from faregate.simulator.errors import Failure
from faregate.simulator.replies import forced_tool, tool_of
from faregate.simulator.script import Script

ITEMS_MAX: Final = 1_000
AUDIO_BYTES_PER_TOKEN: Final = 4_800  # 16 bits, 24,000 a second, ten tokens a second
AUDIO_BYTES_MAX: Final = 15 * 1024 * 1024
SILENCE: Final = base64.b64encode(bytes(480)).decode()


class Said(NamedTuple):
    """An event of the server, and how long after the one before it comes."""

    document: dict[str, Any]
    wait_ms: int = 0


Steps = Iterator[Said]


class Session:
    """One session; `script` is how its responses are answered."""

    def __init__(self, model: str, script: Script, failure: Failure | None = None) -> None:
        self._model = model
        self.script = script
        self._failure = failure
        self._number = 0
        self._items: list[dict[str, Any]] = []
        self._audio_bytes = 0
        self._heard_bytes = 0
        self._settings: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": "sess_simulator",
            "model": model,
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "audio": {"output": {"voice": "alloy", "format": {"type": "audio/pcm"}}},
        }

    def opening(self) -> Steps:
        """What is said first."""
        yield self._said("session.created", session=self._settings)

    def answer(self, text: bytes) -> Steps:
        """What is said to one event of the caller."""
        try:
            event = msgspec.json.decode(text)
            yield from self._steps(event["type"], event)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            yield self._error("invalid_request_error", "invalid_event", str(error))

    def cancelled(self) -> Said:
        """The end of a response that the caller cancelled."""
        return self._said("response.done", response=self._response("cancelled", []))

    def _steps(self, kind: str, event: dict[str, Any]) -> Steps:
        known = {
            "session.update": self._update,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }
        if kind not in known:
            raise ValueError(f"Invalid value: '{kind}'.")
        return known[kind](event)

    # -- The session and its items ----------------------------------------------------------------

    def _update(self, event: dict[str, Any]) -> Steps:
        changed = dict(event["session"])
        changed.pop("model", None)
        self._settings |= changed
        yield self._said("session.updated", session=self._settings)

    def _create_item(self, event: dict[str, Any]) -> Steps:
        item = {"id": f"item_{self._number}", **event["item"]}
        if item["type"] not in ("message", "function_call", "function_call_output"):
            raise ValueError(f"Invalid value: '{item['type']}'.")
        yield from self._add(item)

    def _add(self, item: dict[str, Any]) -> Steps:
        if len(self._items) >= ITEMS_MAX:
            raise ValueError(f"A conversation has at most {ITEMS_MAX} items.")
        before = self._items[-1]["id"] if self._items else None
        shown = {"object": "realtime.item", "status": "completed", **item}
        self._items.append(shown)
        yield self._said("conversation.item.added", previous_item_id=before, item=shown)
        yield self._said("conversation.item.done", previous_item_id=before, item=shown)

    def _delete_item(self, event: dict[str, Any]) -> Steps:
        name = event["item_id"]
        self._items = [item for item in self._items if item["id"] != name]
        yield self._said("conversation.item.deleted", item_id=name)

    def _append(self, event: dict[str, Any]) -> Steps:
        self._audio_bytes += len(base64.b64decode(event["audio"]))
        if self._audio_bytes > AUDIO_BYTES_MAX:
            raise ValueError("The audio buffer is full.")
        return iter(())

    def _commit(self, event: dict[str, Any]) -> Steps:
        if not self._audio_bytes:
            raise ValueError("Error committing input audio buffer: the buffer is too small.")
        self._heard_bytes += self._audio_bytes
        self._audio_bytes = 0
        name = f"item_{self._number}"
        yield self._said("input_audio_buffer.committed", item_id=name, previous_item_id=None)
        content = [{"type": "input_audio", "transcript": None}]
        yield from self._add({"id": name, "type": "message", "role": "user", "content": content})

    def _clear(self, event: dict[str, Any]) -> Steps:
        self._audio_bytes = 0
        yield self._said("input_audio_buffer.cleared")

    # -- Responses --------------------------------------------------------------------------------

    def _cancel(self, event: dict[str, Any]) -> Steps:
        words = "Cancellation failed: no active response found"
        yield self._error("invalid_request_error", "response_cancel_not_active", words)

    def _respond(self, event: dict[str, Any]) -> Steps:
        script, asked = self.script, {**self._settings, **(event.get("response") or {})}
        started = self._said("response.created", response=self._response("in_progress", []))
        yield started._replace(wait_ms=script.latency_ms)
        if self._failure is not None and script.error_in_stream_after is None:
            error = msgspec.json.decode(self._failure.body).get("error", {})
            failed = self._response("failed", [])
            failed["status_details"] = {"type": "failed", "error": error}
            yield self._said("response.done", response=failed)
            return
        answer = compose(self._asked(asked), script)
        items: list[dict[str, Any]] = []
        if answer.tokens or not answer.calls:
            item = self._message(answer, "audio" in asked["output_modalities"])
            items.append(item)
            yield from self._spoken(item, answer, len(items) - 1)
        for call in answer.calls:
            item = {
                "id": f"item_{answer.identifier}{call.number}",
                "object": "realtime.item",
                "type": "function_call",
                "status": "completed",
                "name": call.name,
                "call_id": f"call_{answer.identifier}{call.number}",
                "arguments": call.arguments,
            }
            items.append(item)
            place = self._place(item, len(items) - 1)
            yield from self._opened(item, {"arguments": ""}, place)
            kind, named = "response.function_call_arguments", {"call_id": item["call_id"]}
            for part in call.pieces:
                said = self._said(f"{kind}.delta", **place, **named, delta=part)
                yield said._replace(wait_ms=script.token_ms)
            yield self._said(f"{kind}.done", **place, **named, name=call.name,
                             arguments=call.arguments)  # fmt: skip
            yield from self._ended(item, place)
        self._items += items
        done = self._response("incomplete" if answer.finish == "length" else "completed", items)
        if not script.no_usage:
            done["usage"] = self._usage(answer)
        yield self._said("response.done", response=done)

    def _spoken(self, item: dict[str, Any], answer: Answer, index: int) -> Steps:
        (part,) = item["content"]
        aloud = part["type"] == "output_audio"
        place = self._place(item, index)
        inner = {**place, "content_index": 0}
        kind = "response.output_audio_transcript" if aloud else "response.output_text"
        yield from self._opened(item, {"content": []}, place)
        empty = {name: "" if name != "type" else value for name, value in part.items()}
        yield self._said("response.content_part.added", **inner, part=empty)
        for token in answer.tokens:
            said = self._said(f"{kind}.delta", **inner, delta=token)
            yield said._replace(wait_ms=self.script.token_ms)
            if aloud:
                yield self._said("response.output_audio.delta", **inner, delta=SILENCE)
        if aloud:
            yield self._said("response.output_audio.done", **inner)
        member = "transcript" if aloud else "text"
        yield self._said(f"{kind}.done", **inner, **{member: answer.text})
        yield self._said("response.content_part.done", **inner, part=part)
        yield from self._ended(item, place)

    def _opened(self, item: dict[str, Any], empty: dict[str, Any], place: dict[str, Any]) -> Steps:
        begun = {**item, **empty, "status": "in_progress"}
        shown = {name: place[name] for name in ("response_id", "output_index")}
        yield self._said("response.output_item.added", **shown, item=begun)
        yield self._said("conversation.item.added", previous_item_id=None, item=begun)

    def _ended(self, item: dict[str, Any], place: dict[str, Any]) -> Steps:
        shown = {name: place[name] for name in ("response_id", "output_index")}
        yield self._said("response.output_item.done", **shown, item=item)
        yield self._said("conversation.item.done", previous_item_id=None, item=item)

    def _message(self, answer: Answer, aloud: bool) -> dict[str, Any]:
        part = {"type": "output_text", "text": answer.text}
        if aloud:
            part = {"type": "output_audio", "transcript": answer.text}
        return {
            "id": f"item_{answer.identifier}",
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }

    def _asked(self, asked: dict[str, Any]) -> Asked:
        choice, limit = asked.get("tool_choice"), asked.get("max_output_tokens")
        tools = () if choice == "none" else tuple(map(tool_of, asked.get("tools") or []))
        last = self._items[-1:] if self._items else []
        results = [i["output"] for i in last if i["type"] == "function_call_output"]
        heard = bytes(4 * (self._heard_bytes // AUDIO_BYTES_PER_TOKEN))
        return Asked(
            model=self._model,
            counted=encode(self._items) + str(asked.get("instructions", "")).encode() + heard,
            limit=limit if isinstance(limit, int) else None,
            streamed=True,
            tools=tools,
            forced=forced_tool(choice) if tools else None,
            results=tuple(map(str, results)),
        )

    def _usage(self, answer: Answer) -> dict[str, Any]:
        usage = answer.usage
        heard = min(self._heard_bytes // AUDIO_BYTES_PER_TOKEN, usage.input)
        return {
            "total_tokens": usage.input + usage.output,
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "input_token_details": {
                "text_tokens": usage.input - heard,
                "audio_tokens": heard,
                "image_tokens": 0,
                "cached_tokens": usage.cached,
            },
            "output_token_details": {"text_tokens": usage.output, "audio_tokens": 0},
        }

    def _response(self, status: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": f"resp_simulator{len(self._items)}",
            "status": status,
            "status_details": None,
            "output": items,
            "usage": None,
        }

    def _place(self, item: dict[str, Any], index: int) -> dict[str, Any]:
        response = self._response("", [])["id"]
        return {"response_id": response, "item_id": item["id"], "output_index": index}

    def broken_off(self) -> Said:
        """The error that the script asks for in the middle of a response."""
        body = self._failure.body if self._failure is not None else b"{}"
        error = msgspec.json.decode(body).get("error", {})
        words = str(error.get("message"))
        return self._error(str(error.get("type")), str(error.get("code")), words)

    def _error(self, error_type: str, code: str, message: str) -> Said:
        shown = {"type": error_type, "code": code, "message": message, "param": None}
        return self._said("error", error={**shown, "event_id": None})

    def _said(self, kind: str, **members: Any) -> Said:
        self._number += 1
        return Said({"type": kind, "event_id": f"event_{self._number:06}", **members})
