"""A realtime session: two WebSockets, and what passes between them.

Frames of the vendor go to the caller as they came, and are read on the way. A message of the
caller's is read when it is whole, then goes on under a mask of ours; one that needs more credit
waits for it, and so does all that follows it. Whoever isn't read by the other side isn't read
here. Pings go end to end. When one side leaves, the other is closed at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from faregate.calllog.frames import Outcome
from faregate.catalogue.prices import Tariff
from faregate.core import bounds
from faregate.core.errors import FaregateError
from faregate.core.refusals import Refusal, refuse
from faregate.dialects.realtime import server_events
from faregate.dialects.realtime.client_events import ClientEvents, Said
from faregate.dialects.realtime.server_events import Told
from faregate.gate.attempts import attempt_broken
from faregate.gate.finish import add_attempt, finish_call
from faregate.gate.provider_errors import upstream_refusal
from faregate.gate.realtime_hold import SessionHold
from faregate.gate.realtime_wire import RealtimeWire
from faregate.ledger.slices import release
from faregate.net.deadlines import NEVER
from faregate.net.upstream_connection import UpstreamConnection
from faregate.policies import shortage
from faregate.routing.troubles import Trouble
from faregate.wire import websocket
from faregate.wire.websocket import CLOSE, TEXT, Frame, FrameReader, Messages, closing, frame

if TYPE_CHECKING:
    from faregate.gate.realtime_call import RealtimeCall

_CLOSING_S: Final = 5.0  # to answer a closing frame
_BROKEN_S: Final = 0.5  # to read why, where no answer could be read any more
_SWITCHED: Final = 101
_FINE_CODES: Final = frozenset((0, websocket.NORMAL, websocket.GOING_AWAY))


class RealtimeSession(asyncio.Protocol):
    """The vendor's side as a protocol of its connection.

    The caller's by `client_*`.
    """

    def __init__(self, call: "RealtimeCall", hold: SessionHold, wire: RealtimeWire) -> None:
        self._call = call
        self._hold = hold
        most = bounds.REALTIME_MESSAGE_BYTES_MAX
        terms = call.terms
        self._events = ClientEvents(call.model_asked, wire.model, terms.image_tokens_max)
        # -- the two sides
        self._client = call.connection
        self._vendor: asyncio.Transport | None = None
        self._give_back: Callable[[], None] = lambda: None
        self._from_client = FrameReader(masked=True, message_bytes_max=most)
        self._from_vendor = FrameReader(masked=False, message_bytes_max=most)
        self._client_messages = Messages()
        self._vendor_messages = Messages()
        # -- what waits
        self._waiting: deque[Frame] = deque()
        self._asking: Said | None = None  # it waits for credit
        self._drawing = False
        self._vendor_clogged = False
        # -- the end
        self.is_over = False
        self._client_closed = False  # a closing frame was sent to it
        self._client_closes_too = False  # it has sent one
        self._vendor_closed = False
        timeouts = wire.upstream.provider.timeouts
        self._idle_s = timeouts.session_idle_s
        self._ends_at = call.gate.now() + timeouts.session_total_s
        self.due_at = NEVER
        self.queued_at = NEVER
        # -- what `finish_call` reads of a call's meter
        self.events = 0
        self._errors = 0
        self._transcriber = ""

    @property
    def output_tokens(self) -> int:
        """Output so far, stated or guessed."""
        return self._hold.output_tokens

    def begin(self, connection: UpstreamConnection, answer: bytes, rest: bytes) -> None:
        """Take both connections over, and tell the caller so."""
        call = self._call
        call.meter = self  # type: ignore[assignment]
        self._vendor, self._give_back = connection.hand_over(self)
        if not self._client.switch(self.client_data, self.going_away):
            self._leave("cancelled", None, "cancelled")
            self._client.abort()
            return
        self._client.send(answer)
        self._touch()
        call.gate.deadlines.watch(self)
        if rest:
            self.data_received(rest)

    # -- the caller -------------------------------------------------------------------------------

    def client_data(self, data: bytes) -> None:
        """Bytes of the caller."""
        if self.is_over and not self._client_closed:
            return
        self._touch()
        self._call.request_bytes += len(data)
        self._waiting.extend(self._from_client.feed(data))
        self._guarded(self._go_on)

    def client_gone(self) -> None:
        """The caller has left."""
        self._leave("cancelled", None, "cancelled")

    def client_slow(self) -> None:
        """The caller reads slowly: so is the vendor read."""
        if self._vendor is not None:
            self._vendor.pause_reading()

    def client_ready(self) -> None:
        """The caller reads again."""
        if self._vendor is not None:
            self._vendor.resume_reading()

    def _go_on(self) -> None:
        """Pass on what waits, as far as may be."""
        while self._waiting and not self._drawing:
            self._take(self._waiting.popleft())
        broken = self._from_client.broken
        if broken is not None and not self._waiting and not self._drawing:
            self._close_both(broken.code, str(broken), "cancelled", "cancelled")
        self._look_at_buffers()

    def _take(self, one: Frame) -> None:
        if one.opcode == CLOSE:
            self._client_closes(one.payload)
        elif self.is_over:
            return
        elif one.is_control:
            self._send_up(one.opcode, one.payload)
        elif (message := self._client_messages.add(one)) is not None:
            opcode, payload = message
            if opcode != TEXT:
                words = "events are texts"
                self._close_both(websocket.UNSUPPORTED_DATA, words, "cancelled", "cancelled")
                return
            self._take_event(payload)

    def _take_event(self, payload: bytes) -> None:
        try:
            websocket.check_text(payload)
        except websocket.BrokenFrameError as error:
            self._close_both(error.code, str(error), "cancelled", "cancelled")
            return
        said = self._events.read(payload)
        if isinstance(said, Refusal):
            self._say(said, None)
            return
        allowed = self._hold.allows(said)
        if self._hold.is_crowded:
            self._end_for(refuse("request_invalid", "Too many responses are open at once."))
        elif allowed:
            self._pass(said)
        else:
            self._asking = said
            self._draw()

    def _pass(self, said: Said) -> None:
        self._send_up(TEXT, said.payload)

    def _client_closes(self, payload: bytes) -> None:
        """The caller ends the session, or answers that we do."""
        self._client_closes_too = True
        if self._client_closed:
            self._client.finish()
        elif self._vendor_closed or self._vendor is None:
            self._client_closed = True
            self._client.send(frame(CLOSE, payload, masked=False))
            self._client.finish()
        else:  # the vendor's answer will go to the caller
            self._send_up(CLOSE, payload)
            self._vendor_closed = True
            self._due_soon()

    # -- the vendor -------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes of the vendor."""
        if self.is_over:
            return
        self._touch()
        self._guarded(self._take_vendors, data)

    def _take_vendors(self, data: bytes) -> None:
        reader = self._from_vendor
        frames = reader.feed(data)
        call = self._call
        if frames:
            raw = b"".join([one.raw for one in frames])
            call.reply_bytes += len(raw)
            self._client.send(raw)
        for one in frames:
            if one.opcode == CLOSE:
                self._vendor_closes(one.payload)
                return
            if one.is_control:
                continue
            message = self._vendor_messages.add(one)
            if message is not None:
                self.events += 1
                told = server_events.read(message[1])
                if told is not None:
                    self._hear(told)
                    if self.is_over:
                        return
        if reader.broken is not None:
            self._fail("upstream_malformed", str(reader.broken))
            return
        self._look_at_buffers()

    def _hear(self, told: Told) -> None:
        """What an event means for what is used and held."""
        hold, kind = self._hold, told.kind
        enough = True
        if kind == "delta":
            hold.put_out(told.tokens)
        elif kind == server_events.DONE:
            enough = hold.ended(told.usage, in_conversation=told.in_conversation)
        elif kind == server_events.CREATED:
            enough = hold.begun()
        elif kind == server_events.TRANSCRIBED:
            hold.transcribed(told.usage, self._transcription_prices())
        elif kind == server_events.ERROR:
            hold.refused()
        elif told.is_session:
            hold.settled_session(told.limit, told.instructions_bytes)
            self._transcriber = told.transcriber
            hold.transcribes = bool(told.transcriber)
            if told.has_short_audio:
                self._events.expect_short_audio()
        if not enough and not self._drawing:
            self._draw()

    def _transcription_prices(self) -> tuple[Tariff | None, Tariff | None]:
        """Cost and charge of what hears the caller's audio, where it has a price here."""
        call, wire = self._call, self._call.wire
        assert wire is not None
        for model in call.snapshot.models.values():
            if model.provider == wire.upstream.name and self._transcriber in (
                model.upstream_model or model.name, model.name,
            ):  # fmt: skip
                fare = call.snapshot.terms.prices.fare(
                    model.name, call.terms.plan or None, call.started_ns
                )
                return fare.cost, fare.charge
        return None, None

    def _vendor_closes(self, payload: bytes) -> None:
        """The vendor ends the session, or answers that the caller did."""
        code = int.from_bytes(payload[:2])
        if not self._vendor_closed and self._vendor is not None:
            self._send_up(CLOSE, payload)
        self._vendor_closed = True
        self._client_closed = True  # it was passed on
        if code in _FINE_CODES or code >= 3000:
            self._leave("answered", None, "ok")
        else:
            self._fails("upstream_closed", f"it closed the session with code {code}")
        if self._client_closes_too:
            self._client.finish()
        else:
            self._due_soon()

    def eof_received(self) -> bool:
        """The vendor's connection ends."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The vendor's connection is gone."""
        self._vendor = None
        self._give_back()
        if not self.is_over:
            if self._vendor_closed:  # it was told that the caller closes, and left without a word
                self._leave("answered", None, "ok")
                self._send_closing(websocket.NORMAL, "")
                self._client.finish()
            else:
                self._fail("upstream_closed", "the connection was closed within the session")

    def pause_writing(self) -> None:
        """The vendor reads slowly: so is the caller read."""
        self._vendor_clogged = True
        self._look_at_buffers()

    def resume_writing(self) -> None:
        """The vendor reads again."""
        self._vendor_clogged = False
        self._look_at_buffers()

    def _send_up(self, opcode: int, payload: bytes) -> None:
        if self._vendor is not None:
            self._vendor.write(frame(opcode, payload, masked=True))

    # -- credit -----------------------------------------------------------------------------------

    def _draw(self) -> None:
        self._drawing = True
        self._call.start_task(self._drawn())

    async def _drawn(self) -> None:
        """Draw what is lacking, then go on; or end the session."""
        call, hold = self._call, self._hold
        refusal: Refusal | None = None
        while not self.is_over and not hold.grow():
            more, slices = hold.more(), call.slices
            try:
                short = await call.gate.broker.obtain(slices, more, call.need)
            except FaregateError:
                detail = "The ledger does not answer, so the session can't be paid on."
                refusal = refuse("ledger_unavailable", detail, scope="gate")
                break
            if short is not None:
                limit = hold.affordable(slices)
                now_ns = call.gate.wall_ns()
                refusal = shortage.refusal(short, more, call.terms, limit, now_ns, call.need)
                break
            if call.ended:
                release(slices, more)
                return
            hold.has(more)
        self._drawing = False
        if self.is_over:
            return
        if refusal is not None:
            self._end_for(refusal)
            return
        asking, self._asking = self._asking, None
        if asking is not None:
            self._pass(asking)
        self._guarded(self._go_on)

    def _end_for(self, refusal: Refusal) -> None:
        """Say why, and close: nothing more reaches the vendor."""
        asking = self._asking
        self._say(refusal, asking.event_id if asking is not None else None)
        self._leave("answered", refusal, refusal.code)
        self._send_closing(websocket.POLICY, refusal.code)
        self._due_soon()

    def _say(self, refusal: Refusal, event_id: str | None) -> None:
        """Tell the caller as the vendor tells an error."""
        self._errors += 1
        event = server_events.error_event(refusal, self._call.call_id, self._errors, event_id)
        self._client.send(frame(TEXT, event, masked=False))

    # -- buffers and time -------------------------------------------------------------------------

    def _look_at_buffers(self) -> None:
        if self.is_over:
            return
        if self._drawing or self._vendor_clogged:
            self._client.pause_reading()
        else:
            self._client.resume_reading()
        held = (
            self._from_client.held_bytes
            + self._client_messages.held_bytes
            + self._from_vendor.held_bytes
            + self._vendor_messages.held_bytes
        )
        if not self._client.buffers(held):
            detail = "This worker holds as many bytes of requests as it may."
            self._say(refuse("gate_overloaded", detail, scope="gate"), None)
            self._close_both(websocket.TRY_AGAIN, "gate_overloaded", "failed", "gate_overloaded")

    def _touch(self) -> None:
        if not self.is_over and not self._vendor_closed:
            self.due_at = min(self._call.gate.now() + self._idle_s, self._ends_at)

    def _due_soon(self) -> None:
        is_broken = self._from_client.broken is not None
        self.due_at = self._call.gate.now() + (_BROKEN_S if is_broken else _CLOSING_S)
        self._call.gate.deadlines.watch(self)

    def on_deadline(self, now: float) -> None:
        """Nothing was said for too long, or it went on for too long."""
        if self.is_over:
            self._client.finish()
        elif self._vendor_closed:
            self._leave("answered", None, "ok")
            self._send_closing(websocket.NORMAL, "")
            self._client.finish()
        else:
            over = now >= self._ends_at
            words = "the session has lasted as long as it may" if over else "nothing was said"
            self._close_both(websocket.GOING_AWAY, words, "answered", "ok")

    # -- the end ----------------------------------------------------------------------------------

    def going_away(self) -> None:
        """The worker leaves."""
        self._close_both(websocket.GOING_AWAY, "the gateway restarts", "cancelled", "cancelled")
        self._client.finish()

    def _close_both(self, code: int, words: str, outcome: Outcome, result: str) -> None:
        """End the session from here."""
        if self.is_over:
            return
        self._leave(outcome, None, result)
        self._send_closing(code, words)
        self._due_soon()

    def _send_closing(self, code: int, words: str) -> None:
        if not self._client_closed:
            self._client_closed = True
            self._client.send(frame(CLOSE, closing(code, words), masked=False))

    def _fail(self, code: str, detail: str) -> None:
        """The vendor's side broke."""
        refusal = self._fails(code, detail)
        if not self._client_closed:
            self._say(refusal, None)
            self._send_closing(websocket.INTERNAL_ERROR, code)
        self._due_soon()

    def _fails(self, code: str, detail: str) -> Refusal:
        call = self._call
        attempt_broken(call, Trouble("closed", "model", None, True, detail))
        refusal = upstream_refusal(call, code, detail, None)
        self._leave("failed", refusal, code)
        return refusal

    def _leave(self, outcome: Outcome, refusal: Refusal | None, result: str) -> None:
        """Close the vendor's side, and record the call."""
        if self.is_over:
            return
        self.is_over = True
        self._drawing = False
        self._waiting.clear()
        self._client.resume_reading()  # for its closing frame
        vendor = self._vendor
        if vendor is not None:
            if not self._vendor_closed:
                code = websocket.NORMAL if outcome == "answered" else websocket.GOING_AWAY
                self._send_up(CLOSE, closing(code))
                self._vendor_closed = True
            if vendor.get_write_buffer_size() > bounds.WRITE_BUFFER_BYTES_HIGH:
                vendor.abort()  # to flush it may take for ever
            else:
                vendor.close()
        call = self._call
        call.usage = self._hold.close()
        now = call.gate.now()
        add_attempt(call, _SWITCHED, result, now)
        finish_call(call, outcome, _SWITCHED, refusal, now)

    def _guarded(self, work: Callable[..., None], *given: bytes) -> None:
        try:
            work(*given)
        except Exception:
            call = self._call
            call.log_defect()
            self._leave("failed", refuse("internal_error", "See the gate's log."), "internal_error")
            self._client.abort()
