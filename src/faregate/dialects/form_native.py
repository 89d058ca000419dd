"""Forms that pass through: images to be edited, audio to be written down.

The fields that the gate needs are read from their parts, and the model's is spliced; no other
byte is touched. The same operations may be asked for in JSON, as `PlainNative` has it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects.plain_native import Peek, PlainNative, ReadUsage, no_units
from faregate.dialects.usage import Usage
from faregate.wire import multipart

_FIELD_BYTES_MAX: Final = 4_096  # of those that are read; a prompt isn't
_READ: Final = frozenset(
    {"model", "stream", "n", "response_format", "size", "quality", "user", "partial_images"}
    | {"speed", "language", "temperature"}
)
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


class Form(msgspec.Struct, frozen=True):
    """The fields that are read of a form, and where all of its parts stand."""

    fields: dict[str, str]
    parts: list[multipart.Part]

    def files(self, *names: str) -> list[multipart.Part]:
        """The parts with a file's bytes, also as a list is named: image[]."""
        return [part for part in self.parts if part.name.removesuffix("[]") in names]


def _wrong(detail: str, param: str | None = None) -> Refusal:
    return refuse("request_invalid", f"The form can't be read: {detail}.", param=param)


def read_form(body: bytes, content_type: bytes) -> Form | Refusal:
    """A form, unless something in it could be read in two ways."""
    try:
        found = multipart.parts(body, content_type)
    except multipart.MultipartError as error:
        return _wrong(str(error))
    fields: dict[str, str] = {}
    for part in found:
        name = part.name.lower().removesuffix("[]")
        if name not in _READ:
            continue
        if name in fields:
            return _wrong(f"the field '{name}' stands twice", name)
        if part.name != name:
            return _wrong(f"'{part.name}' is spelled as no reader expects it", name)
        if part.filename is not None or part.end - part.start > _FIELD_BYTES_MAX:
            return _wrong(f"the field '{name}' is too long, or a file", name)
        try:
            fields[name] = body[part.start : part.end].decode()
        except UnicodeDecodeError:
            return _wrong(f"the field '{name}' is not UTF-8", name)
    return Form(fields, found)


MostOfForm = Callable[[bytes, Form], Usage | None]


def no_form_units(body: bytes, form: Form) -> Usage | None:
    """Nothing is known of what a form costs."""
    return None


class FormNative(PlainNative):
    """One operation's bytes, as JSON or as a form.

    `most_of_form` gives the most that a form can cost, `likely_of_form` what it costs where a
    reply doesn't say.
    """

    multipart = True

    def __init__(
        self,
        *,
        read_usage: ReadUsage,
        read_usage_in_part: ReadUsage,
        most: ReadUsage = no_units,
        likely: ReadUsage = no_units,
        priced: tuple[str, ...] = (),
        most_of_form: MostOfForm = no_form_units,
        likely_of_form: MostOfForm = no_form_units,
    ) -> None:
        super().__init__(
            read_usage=read_usage,
            read_usage_in_part=read_usage_in_part,
            most=most,
            likely=likely,
            priced=priced,
        )
        self._most_of_form = most_of_form
        self._likely_of_form = likely_of_form

    def peek_form(self, body: bytes, content_type: bytes) -> Peek | Refusal:
        """Read what the gate needs of a form."""
        form = read_form(body, content_type)
        if isinstance(form, Refusal):
            return form
        model = form.fields.get("model")
        if not model:
            return refuse("request_invalid", "The field 'model' is missing.", param="model")
        stream = _FLAGS.get(form.fields.get("stream", "").lower())
        if stream is None:
            return _wrong("the field 'stream' must be true or false", "stream")
        return Peek(model, stream, user=form.fields.get("user"))

    def splice_model_form(
        self, body: bytes, content_type: bytes, asked: str, served: str
    ) -> bytes | Refusal:
        """`body` with another model's name, every other byte the same."""
        if asked == served:
            return body
        form = read_form(body, content_type)
        if isinstance(form, Refusal):
            return form
        for part in form.parts:
            if part.name == "model":
                return b"%b%b%b" % (body[: part.start], served.encode(), body[part.end :])
        return refuse("request_invalid", "The field 'model' is missing.", param="model")

    def most_form(self, body: bytes, content_type: bytes) -> Usage | None:
        """The most that a form can cost: units, and tokens."""
        form = read_form(body, content_type)
        return None if isinstance(form, Refusal) else self._most_of_form(body, form)

    def likely_form(self, body: bytes, content_type: bytes) -> Usage | None:
        """What a form costs where the reply doesn't say."""
        form = read_form(body, content_type)
        return None if isinstance(form, Refusal) else self._likely_of_form(body, form)
