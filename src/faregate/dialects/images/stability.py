"""Stability's stable-image, as a target: a form is sent, JSON comes back.

An image's size follows from its ratio: of the sizes that callers name only the ratio is carried.

Sources: Stability AI, REST API v2beta reference, "Stable Image: Generate" (core, ultra, sd3).
"""

from typing import Final

from faregate.dialects.images.neutral import Image, ImageReply, ImageRequest
from faregate.dialects.shapes import ShapeError, as_text, decode_reply
from faregate.dialects.translation import Lost, MalformedReplyError, TargetFacts, Written
from faregate.dialects.usage import Usage
from faregate.wire import multipart

NAME: Final = "stability"
_RATIOS: Final = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
_OFF_MAX: Final = 0.03  # 1792x1024 is 7:4, and stands for 16:9
_FIELDS: Final = frozenset({"negative_prompt", "seed", "style_preset", "cfg_scale"})


def _ratio(size: str) -> str | None:
    """The ratio that is nearest to a size, unless none is near."""
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        return None
    wanted = int(width) / int(height)

    def off(ratio: str) -> float:
        across, _, down = ratio.partition(":")
        return abs(int(across) / int(down) / wanted - 1)

    nearest = min(_RATIOS, key=off)
    return nearest if off(nearest) <= _OFF_MAX else None


def path(model: str) -> str:
    """Where a model is asked: core, ultra and the rest have an address each."""
    for name in ("core", "ultra"):
        if model.endswith(name):
            return f"/stable-image/generate/{name}"
    return "/stable-image/generate/sd3"


class Stability:
    """What is sent to Stability, and read of it."""

    name = NAME

    def write_request(self, request: ImageRequest, target: TargetFacts) -> Written:
        """A form for a target."""
        lost: list[Lost] = []
        where = path(target.model)
        fields = {"prompt": request.prompt, "output_format": request.output_format or "png"}
        if where.endswith("sd3"):
            fields["model"] = target.model
            if request.output_format == "webp":
                lost.append(Lost("output_format", "These models give png or jpeg."))
                fields["output_format"] = "png"
        if request.size is not None:
            ratio = _ratio(request.size)
            if ratio is None:
                lost.append(Lost("size", f"Its ratios are {', '.join(_RATIOS)}."))
            else:
                fields["aspect_ratio"] = ratio
        if request.n != 1:
            lost.append(Lost("n", "Stability makes one image a call."))
        if request.stream:
            lost.append(Lost("stream", "Stability gives the image as a whole."))
        lost.extend(
            Lost(name, f"Stability takes no {name}.")
            for name in ("quality", "background", "style", "user")
            if getattr(request, name) is not None
        )
        for name, value in request.others.items():
            if name in _FIELDS and isinstance(value, (str, int, float)):
                fields[name] = str(value)
            else:
                lost.append(Lost(f"others.{name}", "Stability doesn't know it."))
        body, content_type = multipart.write(
            [multipart.Field(name, value.encode()) for name, value in fields.items()]
        )
        return Written(body, tuple(lost), content_type, path=where, accept="application/json")

    def read_reply(self, body: bytes) -> ImageReply:
        """A reply with one image as base64."""
        try:
            reply = decode_reply(body)
            image = Image(base64=as_text(reply.get("image"), "image"))
        except ShapeError as error:
            raise MalformedReplyError(str(error)) from None
        return ImageReply(images=(image,), usage=Usage(images=1))


TARGET: Final = Stability()
