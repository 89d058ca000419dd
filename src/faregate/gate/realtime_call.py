"""A call until the vendor switches, and a realtime session after that."""

from typing import Any, Final

from faregate.gate.call import Call
from faregate.gate.provider_errors import fail_broken
from faregate.gate.realtime_hold import SessionHold
from faregate.gate.realtime_session import RealtimeSession
from faregate.gate.realtime_wire import RealtimeWire, key_of
from faregate.gate.telling import told_lines
from faregate.net.upstream_connection import UpstreamConnection
from faregate.routing.targets import served
from faregate.wire import reply
from faregate.wire.reply_reader import ReplyHead
from faregate.wire.websocket import accept_fault, accept_of, offered_protocols

REALTIME_PATH: Final = b"/v1/realtime"
_PROTOCOL: Final = b"realtime"


class RealtimeCall(Call):
    """One session, from its request to its record."""

    __slots__ = ("session",)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.session: RealtimeSession | None = None

    # -- Sender -----------------------------------------------------------------------------------

    def reply_head(self, head: ReplyHead) -> None:
        """Anything but a switch is an error of the provider's, and read as one."""
        if head.status >= 300:
            super().reply_head(head)
            return
        self.reply = head
        self._not_switched("it answered without switching to WebSocket")

    def reply_switched(self, connection: UpstreamConnection, head: ReplyHead, rest: bytes) -> None:
        """The vendor has accepted: so has the gate."""
        self.reply = head
        self.first_byte_at = self.gate.now()
        fields = head.all_fields()
        offered = offered_protocols(self.head.fields)
        fault = accept_fault(fields, key_of(self.request_head), offered)
        if fault is not None:
            self._not_switched(fault)
            return
        wire, choice = self.wire, self.choice
        assert isinstance(wire, RealtimeWire)
        assert choice is not None
        served(choice, self.first_byte_at, self.first_byte_at - (self.sent_at or self.submitted_at))
        self.sending = None
        self.relaying = True
        hold = SessionHold(self, wire.limit, wire.context)
        session = self.session = RealtimeSession(self, hold, wire)
        session.begin(connection, self._answer_head(fields, offered), rest)

    def _not_switched(self, detail: str) -> None:
        if self.sending is not None:
            self.sending.cancel()
            self.sending = None
        fail_broken(self, "upstream_malformed", detail)

    def _answer_head(self, fields: dict[bytes, bytes], offered: tuple[bytes, ...]) -> bytes:
        """What tells the caller that the session is open."""
        chosen = fields.get(b"sec-websocket-protocol")
        if chosen is None and _PROTOCOL in offered:
            chosen = _PROTOCOL  # browsers give up where none of theirs is chosen
        rate_fields = self.terms.rate_fields
        return b"".join(
            (
                reply.status_line(101),
                b"upgrade: websocket\r\nconnection: Upgrade\r\n",
                b"sec-websocket-accept: %b\r\n" % accept_of(self.head.fields[b"sec-websocket-key"]),
                b"sec-websocket-protocol: %b\r\n" % chosen if chosen is not None else b"",
                b"faregate-call-id: %b\r\n" % self.call_id.encode(),
                told_lines(self) if self.gate.attempts_told else b"",
                self.rate_lines(rate_fields) if rate_fields is not None else b"",
                b"\r\n",
            )
        )

    # -- Exchange ---------------------------------------------------------------------------------

    def client_gone(self) -> None:
        """The caller has left."""
        if self.session is not None:
            self.session.client_gone()
        else:
            super().client_gone()

    def client_slow(self) -> None:
        """The caller reads slowly."""
        if self.session is not None:
            self.session.client_slow()
        else:
            super().client_slow()

    def client_ready(self) -> None:
        """The caller reads again."""
        if self.session is not None:
            self.session.client_ready()
        else:
            super().client_ready()
