"""OpenAI's images for callers whom another vendor serves.

An image that is asked for by its address, where the vendor gives it in the reply, has a data URI
for an address.

Source: OpenAI API reference, "Images" (create image, the image object).
"""

from typing import Any, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.images.neutral import Image, ImageReply, ImageRequest
from faregate.dialects.shapes import Object, ShapeError, as_count, as_flag, as_text, decode_object
from faregate.dialects.translation import MalformedReplyError
from faregate.dialects.whole_translation import AskedWhole

NAME: Final = "openai_images"
_TEXTS: Final = ("size", "quality", "background", "style", "user")
_CHOICES: Final = {"response_format": ("url", "b64_json"), "output_format": ("png", "jpeg", "webp")}
_KNOWN: Final = frozenset({"model", "prompt", "n", "stream", *_TEXTS, *_CHOICES})


def _read(request: Object) -> ImageRequest:
    given = {name: value for name, value in request.items() if value is not None}
    read: dict[str, Any] = {}
    for name in _TEXTS:
        if name in given and (text := as_text(given[name], name)) != "auto":
            read[name] = text
    for name, choices in _CHOICES.items():
        if name in given:
            if given[name] not in choices:
                raise ShapeError(name, f"it must be {' or '.join(choices)}")
            read[name] = given[name]
    if (images := as_count(given.get("n", 1), "n")) < 1:
        raise ShapeError("n", "it must be 1 at least")
    return ImageRequest(
        model=as_text(given.get("model"), "model"),
        origin=NAME,
        prompt=as_text(given.get("prompt"), "prompt"),
        n=images,
        stream=as_flag(given.get("stream", False), "stream"),
        others={name: value for name, value in given.items() if name not in _KNOWN},
        **read,
    )


def _written(image: Image, request: ImageRequest) -> Object:
    if image.base64 is None:
        return {"url": image.url}
    if request.response_format == "url":
        return {"url": f"data:image/{request.output_format or 'png'};base64,{image.base64}"}
    return {"b64_json": image.base64}


class OpenAIImages:
    """Images, for callers."""

    name = NAME

    def read_request(
        self, body: bytes, model: str | None, *, stream: bool
    ) -> ImageRequest | Refusal:
        """A caller's request; the model is said in the body."""
        request = decode_object(body)
        if isinstance(request, Refusal):
            return request
        try:
            return _read(request)
        except ShapeError as error:
            return error.refusal()

    def write_reply(self, reply: ImageReply, asked: AskedWhole[ImageRequest]) -> bytes:
        """A reply for a caller."""
        if not reply.images:
            raise MalformedReplyError("the reply has no image")
        data = [_written(image, asked.request) for image in reply.images]
        return msgspec.json.encode({"created": asked.now_s, "data": data})


CALLER: Final = OpenAIImages()
