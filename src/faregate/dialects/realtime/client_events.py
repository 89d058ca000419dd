"""What a caller says in a session, as far as it decides something.

An event that makes a response, or changes the session, is passed on in our own writing, so that
no server reads another event in it than is read here; any other goes on as it came, unless it
could be read as one of those.

The most input tokens of an event: its bytes, but for audio and images, which go by formulas. A
second of audio is ten tokens; twice as many are counted, and where the format isn't known to be
16 bits at 24,000 a second, it is taken for the shortest, 8 bits at 8,000.

Sources: OpenAI API reference, Realtime, client events; OpenAI, "Managing costs" of Realtime (a
token for 100 ms of a user's audio, for 50 ms of the model's), "Conversations" of Realtime (events
of 15 MiB).
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse

APPEND: Final = "input_audio_buffer.append"
CREATE: Final = "response.create"
_UPDATES: Final = frozenset(("session.update", "transcription_session.update"))
_REWRITTEN: Final = frozenset((CREATE, *_UPDATES))
_TELLING: Final = (b"response.create", b"session.update", b"\\u00")
_LIMITS: Final = ("max_output_tokens", "max_response_output_tokens")
_SHORT_FORMATS: Final = (b"g711", b"pcmu", b"pcma")
# Characters of base64 for half a token: 50 ms.
_PCM_CHARACTERS: Final = 48_000 * 4 // 3 // 20
_SHORT_CHARACTERS: Final = 8_000 * 4 // 3 // 20
_AROUND_TOKENS: Final = 32  # what a template puts around an item
_KIND_CHARACTERS_MAX: Final = 100


class Said(msgspec.Struct, frozen=True):
    """One event of the caller's.

    `payload` is what goes on; `tokens` the most that it adds to the input of a response;
    `limit` the output limit that it sets (-1: none, None: it says nothing). `responds`: it makes
    a response, or may be read so; `apart`: that one stands beside the conversation; `unseen`: it
    puts in what only the vendor sees.
    """

    kind: str
    payload: bytes
    tokens: int
    event_id: str | None = None
    limit: int | None = None
    responds: bool = False
    updates: bool = False
    apart: bool = False
    unseen: bool = False


class _Append(msgspec.Struct):
    type: str
    audio: str = ""


_decode_append: Final = msgspec.json.Decoder(_Append).decode
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ClientEvents:
    """Reads one session's events.

    `asked` is its model as the caller names it.

    Vendors know it as `served`. `image_tokens_max` is the most that an image counts for.
    """

    def __init__(self, asked: str, served: str, image_tokens_max: int) -> None:
        self._names = {asked, served}
        self._served = served
        self._image_tokens = image_tokens_max
        self._characters = _PCM_CHARACTERS

    def read(self, payload: bytes) -> Said | Refusal:
        """One event; a refusal where it can't be passed on."""
        if payload.count(b'"type"') == 1 and b"\\" not in payload:
            try:
                event = _decode_append(payload)
            except _ERRORS:
                pass  # another event, or none
            else:
                if event.type == APPEND:
                    return Said(APPEND, payload, self._audio(len(event.audio)))
        try:
            document = _decode(payload)
        except _ERRORS as error:
            return refuse("request_invalid", f"The event can't be read: {error}.")
        kind = document.get("type") if isinstance(document, dict) else None
        if not isinstance(kind, str):
            return refuse("request_invalid", "An event is an object with a type.", param="type")
        return self._read(kind, document, payload)

    def expect_short_audio(self) -> None:
        """The same bytes may be longer audio from now on."""
        self._characters = _SHORT_CHARACTERS

    def _read(self, kind: str, document: dict[str, Any], payload: bytes) -> Said | Refusal:
        updates = kind in _UPDATES
        inner = document.get("response" if kind == CREATE else "session")
        inner = inner if isinstance(inner, dict) else {}
        if updates:
            refusal = self._name_model(inner)
            if refusal is not None:
                return refusal
        if kind in _REWRITTEN or any(text in payload for text in _TELLING):
            payload = _encode(document)
        lowered = payload.lower()
        if updates and has_short_audio(lowered):
            self.expect_short_audio()
        event_id = document.get("event_id")
        return Said(
            kind[:_KIND_CHARACTERS_MAX],
            payload,
            self._most(document, len(payload)),
            event_id if isinstance(event_id, str) else None,
            read_limit(inner) if kind in _REWRITTEN else None,
            responds=b"response.create" in lowered,
            updates=updates,
            apart=kind == CREATE and ("input" in inner or inner.get("conversation") == "none"),
            unseen=_is_unseen(inner),
        )

    def _name_model(self, session: dict[str, Any]) -> Refusal | None:
        """A session keeps its model; another name of it becomes the vendor's."""
        named = session.get("model")
        if named is None:
            return None
        if not isinstance(named, str) or named not in self._names:
            detail = "A session keeps the model that it was opened with."
            return refuse("model_not_allowed", detail, param="session.model", scope="key")
        session["model"] = self._served
        return None

    def _audio(self, characters: int) -> int:
        return -(-characters // self._characters)

    def _most(self, document: Any, size: int) -> int:
        tokens = size + _AROUND_TOKENS
        rest = [document]
        while rest:
            one = rest.pop()
            if isinstance(one, list):
                rest += one
            elif isinstance(one, dict):
                for name, value in one.items():
                    if name == "audio" and isinstance(value, str):
                        tokens += self._audio(len(value)) - len(value)
                    elif name == "image_url" and isinstance(value, str):
                        tokens += self._image_tokens - len(value)
                    elif isinstance(value, dict | list):
                        rest.append(value)
        return max(tokens, _AROUND_TOKENS)


def has_short_audio(lowered: bytes) -> bool:
    """Whether settings may mean audio of 8,000 bytes a second.

    They are given in lower case.
    """
    return any(text in lowered for text in _SHORT_FORMATS)


def _is_unseen(inner: dict[str, Any]) -> bool:
    """Whether the vendor puts in a prompt that it keeps, or what others' tools say."""
    tools = inner.get("tools")
    remote = isinstance(tools, list) and any(
        isinstance(tool, dict) and tool.get("type") not in ("function", None) for tool in tools
    )
    return remote or inner.get("prompt") is not None


def read_limit(inner: dict[str, Any]) -> int | None:
    """The output limit that a session or a response is given; -1: none."""
    for name in _LIMITS:
        if name in inner:
            value = inner[name]
            whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
            return value if whole else -1
    return None
