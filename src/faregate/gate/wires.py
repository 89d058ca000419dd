"""How calls of one operation are sent to one target with one of its keys."""

from copy import copy
from typing import Final
from urllib.parse import quote

from faregate.configuration.document import Model
from faregate.core.errors import FaregateError
from faregate.dialects.embeddings import gemini
from faregate.dialects.translation import Native, TargetFacts, Written
from faregate.gate.operations import Operation, is_addressed, target_paths
from faregate.gate.translators import STANDS_IN, Translator, translator
from faregate.gate.upstreams import Upstream
from faregate.routing.targets import Choice
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.request_reader import RequestHead

_JSON_TYPE: Final = "application/json"
_JSON: Final = b"content-type: application/json\r\n"
_FORMATS: Final = "response_format."  # of transcripts, in a row's `unsupported`
# A vendor's own tools send it; who serves, not who calls, is told of translated calls.
_USER_AGENT: Final = b"user-agent: faregate\r\n"


class UnservedError(FaregateError):
    """A target can't serve an operation: its vendor speaks no dialect for it."""


class Wire:
    """One way, made once for a snapshot.

    `native` is set where bytes pass through, `writer` where the request is translated, into what
    is streamed or not; `translated` is the same way for what can't pass. `forwards`: the caller's
    headers go along.
    """

    __slots__ = (
        "choice", "dialect", "facts", "fields", "forwards", "lane", "model", "name", "native",
        "path", "speaks", "stream_path", "streams", "translated", "upstream", "writer",
    )  # fmt: skip

    def __init__(
        self, choice: Choice, upstream: Upstream, model: Model, operation: Operation
    ) -> None:
        self.choice = choice
        self.upstream = upstream
        self.name = model.name
        self.model = model.upstream_model or model.name
        self.native: Native | None = None
        self.writer: Translator | None = None
        self.dialect = _dialect_to(upstream, operation, self.model)
        if self.dialect == operation.dialect and not _is_otherwise_spoken(self.dialect, upstream):
            self.native = operation.native
        else:
            self.writer = translator(operation.name, self.dialect)
        self.streams = hasattr(self.writer, "stream_reader")
        self.speaks = operation.name == "speech"
        self.forwards = self.native is not None
        self.translated: Wire | None = None
        self.lane = upstream.lane(self.dialect)
        self.fields = self.lane.fields + self.lane.key_fields.get(choice.key.name, b"")
        if self.native is None:
            self.fields += _JSON + _USER_AGENT
        whole, streamed = target_paths(self.dialect, self.model, upstream.vendor)
        if self.native is not None and operation.paths is not None:
            whole, streamed = operation.paths
        name = quote(self.model, safe="-._~")
        self.path = whole.replace("{model}", name).encode("ascii")
        self.stream_path = streamed.replace("{model}", name).encode("ascii")
        row = upstream.row
        self.facts = TargetFacts(
            model=self.model,
            vendor=upstream.vendor,
            output_tokens_max=model.output_tokens_max,
            output_limit_field=row.output_limit_field,
            unsupported=frozenset(row.unsupported),
            quirks=frozenset(row.quirks),
        )
        formats = any(one.startswith(_FORMATS) for one in row.unsupported)
        writer = translator(operation.name, self.dialect)
        if (
            self.native is not None
            and writer is not None
            and (formats or operation.name == "generate")
        ):
            self.translated = self._translating(writer)

    def _translating(self, writer: Translator) -> "Wire":
        """The same way for what is translated after all."""
        other = copy(self)
        other.native, other.writer = None, writer
        # What a caller's headers say, such as betas, holds for the same dialect's body.
        other.streams = other.forwards = hasattr(writer, "stream_reader")
        if not other.forwards:
            other.fields += _JSON + _USER_AGENT
        return other

    def carrying(self, written: Written) -> "Wire":
        """The way of a request that may go to its own place and be no JSON."""
        kind, path = written.content_type, written.path
        if kind == _JSON_TYPE and path is None and written.accept is None:
            return self
        other = copy(self)
        lines = b"content-type: %b\r\n" % kind.encode("latin-1")
        if written.accept is not None:
            lines += b"accept: %b\r\n" % written.accept.encode("latin-1")
        other.fields = self.fields.removesuffix(_JSON + _USER_AGENT) + lines + _USER_AGENT
        if path is not None:
            other.path = other.stream_path = path.encode("ascii")
        return other

    def is_ready(self, head: ReplyHead) -> bool:
        """Whether a translated reply goes on as it comes: it is sound."""
        fields = head.fields
        is_sound = fields.get(b"content-type", b"")[:6].lower() == b"audio/"
        return self.speaks and is_sound and b"content-encoding" not in fields

    def request_head(
        self,
        head: RequestHead,
        body_bytes: int,
        *,
        streamed: bool,
        signed: bytes = b"",
        form: bytes = b"",
    ) -> bytes:
        """The head of the request.

        `signed` are lines that prove this one request; `form` is the Content-Type of a form.
        """
        path = self.stream_path if streamed else self.path
        if not self.forwards:
            return b"POST %b%b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n" % (
                self.lane.prefix,
                path,
                self.fields,
                signed,
                body_bytes,
            )
        query = _query(path, head.query) if head.query else b""
        return b"POST %b%b%b HTTP/1.1\r\n%b%b%b%bcontent-length: %d\r\n\r\n" % (
            self.lane.prefix,
            path,
            query,
            self.fields,
            b"content-type: %b\r\n" % form if form else _JSON,
            self.upstream.forwarded(head),
            signed,
            body_bytes,
        )


def _dialect_to(upstream: Upstream, operation: Operation, model: str) -> str:
    """The caller's own dialect where the target speaks it, else the one it prefers."""
    spoken = upstream.dialects(operation.name)
    if operation.name == "generate":
        own = (one for name, one in upstream.row.model_dialects.items() if model.startswith(name))
        spoken = tuple(own) or spoken
    if operation.dialect in spoken and is_addressed(operation.dialect):
        return operation.dialect
    if operation.translator is not None:
        if not spoken and operation.name in STANDS_IN:
            spoken = upstream.dialects(STANDS_IN[operation.name])
        for dialect in spoken:
            if translator(operation.name, dialect) is not None:
                return dialect
    raise UnservedError(f"'{upstream.name}' can't serve {operation.name}")


def _is_otherwise_spoken(dialect: str, upstream: Upstream) -> bool:
    """Whether a vendor's bodies differ from those of the dialect's callers: Vertex's embeddings."""
    return dialect == gemini.NAME and upstream.vendor == "vertex"


def _query(path: bytes, query: bytes) -> bytes:
    """The caller's query without its key, and without what our path says itself."""
    said = {b"key", b"alt"} if b"?" in path else {b"key"}
    kept = [part for part in query.split(b"&") if part.partition(b"=")[0] not in said]
    return (b"&" if b"?" in path else b"?") + b"&".join(kept) if kept else b""
