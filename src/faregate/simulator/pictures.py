"""Pictures: OpenAI's generations, edits and variations, and Stability's.

A picture has the size that was asked for and costs the same tokens each; `tokens` of the script
says other ones.

Sources: OpenAI's API reference: Images, and their streaming events; Stability AI's REST API v2beta.
"""

import base64
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from faregate.simulator.answer import CREATED, encode, tokens_of
from faregate.simulator.errors import ErrorKind, RefusedError, Voice, kinds
from faregate.simulator.exchange import Exchange, Message, Piece, sse
from faregate.simulator.multipart import Form
from faregate.simulator.replies import needs
from faregate.simulator.script import Script

PICTURES_MAX: Final = 10
SIDE_MAX: Final = 4_096
TOKENS_PER_PICTURE: Final = 1_056
TOKENS_PER_PICTURE_GIVEN: Final = 194


def png(width: int, height: int) -> bytes:
    """A white picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack("!I", len(data)) + body + struct.pack("!I", zlib.crc32(body))

    head = struct.pack("!IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = (b"\0" + b"\xff" * (-(-width // 8))) * height
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Pictures(Exchange):
    """One call of images."""

    def __init__(self, asked: dict[str, Any], given: int) -> None:
        self.model = asked["model"]
        self.streamed = bool(asked.get("stream"))
        self._count = int(asked.get("n") or 1)
        self._prompt = str(asked.get("prompt", ""))
        self._given = given
        self._url = asked.get("response_format") == "url"
        self._partial = int(asked.get("partial_images") or 0)
        self._size = asked.get("size") or "1024x1024"
        sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", self._size)
        width, height = (int(sides[1]), int(sides[2])) if sides else (1_024, 1_024)
        if not 1 <= self._count <= PICTURES_MAX:
            raise RefusedError(f"Invalid 'n': from 1 to {PICTURES_MAX}.", param="n")
        if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
            raise RefusedError(f"Invalid size '{self._size}'.", param="size")
        self._picture = base64.b64encode(png(width, height)).decode()

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        one = {"url": "https://images.example/sim.png"} if self._url else {
            "b64_json": self._picture
        }  # fmt: skip
        body: dict[str, Any] = {"created": CREATED, "data": [one] * self._count}
        if not self._url and not script.no_usage:
            body |= {"usage": self._usage(script), "size": self._size, "output_format": "png"}
        return encode(body)

    def pieces(self, script: Script) -> Iterator[Piece]:
        """The answer as a stream: partial pictures, then the whole one."""
        kind = "image_edit" if self._given else "image_generation"
        shown = {"b64_json": self._picture, "created_at": CREATED, "size": self._size}
        shown |= {"quality": "medium", "background": "opaque", "output_format": "png"}
        for index in range(self._partial):
            name = f"{kind}.partial_image"
            yield Piece(sse({"type": name, **shown, "partial_image_index": index}, name), 1)
        name = f"{kind}.completed"
        usage = {} if script.no_usage else {"usage": self._usage(script)}
        yield Piece(sse({"type": name, **shown, **usage}, name), 1)

    def _usage(self, script: Script) -> dict[str, Any]:
        text = tokens_of(self._prompt)
        images = self._given * TOKENS_PER_PICTURE_GIVEN
        counted = text + images if script.input is None else script.input
        each = TOKENS_PER_PICTURE if script.tokens is None else script.tokens
        output = each * self._count
        return {
            "input_tokens": counted,
            "input_tokens_details": {"text_tokens": counted - images, "image_tokens": images},
            "output_tokens": output,
            "total_tokens": counted + output,
        }


def read_pictures(message: Message) -> Pictures:
    """Pictures of a prompt."""
    asked = msgspec.json.decode(message.body)
    needs(asked.get("model") or "", "prompt", len(asked.get("prompt") or ""))
    return Pictures(asked, 0)


def read_edited_pictures(message: Message) -> Pictures:
    """Pictures of pictures: edits with a prompt, variations without."""
    form = Form(message.headers.get("content-type", ""), message.body)
    form.file("image")
    names = ("model", "prompt", "n", "size", "response_format", "partial_images")
    asked: dict[str, Any] = {name: form.text(name) for name in names}
    asked["stream"] = form.text("stream") == "true"
    if message.path.endswith("/edits"):
        needs(asked["model"], "prompt", len(asked["prompt"]))
    return Pictures(asked, len(form.files("image")))


# -- Stability ------------------------------------------------------------------------------------


def _document(kind: ErrorKind) -> bytes:
    return encode({"id": "sim", "name": kind.type, "errors": [kind.message]})


STABILITY: Final = Voice(
    kinds(
        ("invalid_request", 400, "bad_request", "prompt: cannot be blank", None),
        ("context_length", 413, "payload_too_large", "prompt: is too long", None),
        ("content_policy", 403, "content_moderation",
         "Your request was flagged by our content moderation system, as a result your request was "
         "denied and you were not charged.", None),
        ("auth", 401, "unauthorized", "authorization: invalid or missing header value", None),
        ("permission", 403, "forbidden", "You lack the necessary permissions.", None),
        ("not_found", 404, "not_found", "The requested resource was not found.", None),
        ("rate_limit", 429, "rate_limit_exceeded",
         "You have exceeded the rate limit of 150 requests within a 10 second period.", None),
        ("quota", 402, "payment_required",
         "You lack sufficient credits to make this request. Please purchase more credits.", None),
        ("server_error", 500, "internal_error", "An unexpected server error has occurred.", None),
        ("overloaded", 503, "service_unavailable", "The service is not available.", None),
    ),
    _document,
    vendor="stability",
)  # fmt: skip


class StablePicture(Exchange):
    """One picture of Stability's: bytes, or JSON where that is accepted."""

    def __init__(self, model: str, *, as_json: bool) -> None:
        self.model = model
        self._as_json = as_json
        self.content_type = "application/json" if as_json else "image/png"

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        reason = "CONTENT_FILTERED" if script.finish == "content_filter" else "SUCCESS"
        picture = png(64, 64)
        if self._as_json:
            shown = base64.b64encode(picture).decode()
            return encode({"image": shown, "finish_reason": reason, "seed": script.seed})
        self.headers = (("finish-reason", reason), ("seed", str(script.seed)))
        return picture


def read_stable_picture(message: Message) -> StablePicture:
    """A picture of a prompt."""
    form = Form(message.headers.get("content-type", ""), message.body)
    if not form.text("prompt"):
        raise RefusedError("prompt: cannot be blank")
    as_json = message.headers.get("accept", "").startswith("application/json")
    return StablePicture(form.text("model"), as_json=as_json)
