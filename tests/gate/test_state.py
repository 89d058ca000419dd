"""A call begins with what its request's head says, and with nothing decided."""

from tests.gate.running import HELLO, Place

from faregate.gate.state import CallState


async def test_a_new_call_knows_its_head_alone(place: Place) -> None:
    async with place.client() as client:
        await client.post(HELLO)
        [connection] = place.gate.listener.connections
        head = connection._head
        assert head is not None
        call = CallState(place.gate, place.gate.snapshot, connection, head)
    assert call.call_id not in place.calls()
    assert call.call_id[:-8] == next(iter(place.calls()))[:-8]
    flags = (call.whole, call.ended, call.started, call.relaying, call.waiting)
    assert flags == (False,) * 5
    assert (call.key, call.offer, call.upstream, call.reply, call.refusal) == (None,) * 5
    assert (call.attempts, call.kept, call.out) == ((), [], [])
    assert not hasattr(call, "__dict__")
