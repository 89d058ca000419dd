"""A caller learns what was decided of its own calls; the operator of all, by a token."""

import json
from typing import Any

import pytest
from tests.calllog.calls import call_id, closed, decided
from tests.gate.running import Place, running

from faregate.calllog.frames import Decided, decode_frame
from faregate.calllog.records import WorkerCalls
from faregate.configuration.settings import RefusalSettings, Settings
from faregate.gate.explaining import Explaining
from faregate.gate.explanations import moment
from faregate.gate.memory_decisions import MemoryDecisions
from faregate.identity.keys import hash_key
from faregate.identity.operator import operator_token

TOKEN = operator_token(bytes(range(32)))


def explain_in(place: Place, source: MemoryDecisions | None = None) -> None:
    """Tell the running gate whose token it is, and where older calls are."""
    opener = None if source is None else lambda: source
    place.gate.explaining = Explaining(hash_key(TOKEN), opener)


async def ask(place: Place, path: str, key: str | None = None) -> Any:
    async with place.client(key) as client:
        return await client.get(path)


async def test_a_refused_call_is_explained_to_its_caller_and_the_operator(place: Place):
    explain_in(place)
    reply = await place.post({"model": "nowhere", "messages": []})
    path = f"/v1/calls/{reply['faregate-call-id']}/decision"
    for key in (None, TOKEN):
        told = (await ask(place, path, key)).json
        assert (told["refusal"], told["status"], told["side"]) == ("model_unknown", 404, "caller")
        assert (told["outcome"], told["kept"]) == ("refused", True)
        verdicts = [(each["phase"], each["verdict"]) for each in told["findings"]]
        assert verdicts == [
            ("ROUTE", "passed"), ("IDENTIFY", "passed"), ("VALIDATE", "passed"),
            ("AUTHORIZE", "refused"), ("LIMIT", "not_reached"), ("RESERVE", "not_reached"),
            ("CHOOSE", "not_reached"), ("SEND", "not_reached"),
        ]  # fmt: skip
        assert "nowhere" in told["findings"][3]["detail"]


async def test_the_journal_has_what_is_told(place: Place):
    explain_in(place)
    reply = await place.post({"model": "nowhere", "messages": []})
    [written] = [
        frame
        for frame in map(decode_frame, place.journal.frames)
        if isinstance(frame, Decided) and frame.call_id == reply["faregate-call-id"]
    ]
    told = (await ask(place, f"/v1/calls/{written.call_id}/decision")).json
    assert [each["detail"] for each in told["findings"]] == [
        finding.detail for finding in written.findings
    ]


async def test_a_call_of_another_key_and_one_that_never_was_look_the_same(place: Place):
    explain_in(place)
    reply = await place.post({"model": "nowhere", "messages": []})
    other = place.source.add_key("other")
    foreign = await ask(place, f"/v1/calls/{reply['faregate-call-id']}/decision", other)
    never = await ask(place, f"/v1/calls/{call_id(77)}/decision", other)
    assert (foreign.status, foreign.code) == (never.status, never.code) == (404, "call_unknown")
    assert (await ask(place, f"/v1/calls/{call_id(77)}/decision", TOKEN)).code == "call_unknown"


@pytest.mark.parametrize("name", ["x", "call_", "call_" + "g" * 40, "%2e%2e", "a/b"])
async def test_what_is_no_id_is_not_looked_up(place: Place, name: str):
    source = MemoryDecisions()
    source.fail = True
    explain_in(place, source)
    assert (await ask(place, f"/v1/calls/{name}/decision")).code == "call_unknown"


async def test_other_addresses_below_calls_are_unknown(place: Place):
    explain_in(place)
    assert (await ask(place, f"/v1/calls/{call_id(1)}")).code == "route_unknown"
    assert (await ask(place, f"/v1/calls/{call_id(1)}/other")).code == "route_unknown"


async def test_older_calls_and_those_of_others_come_from_the_log(place: Place):
    source = MemoryDecisions()
    record = WorkerCalls("0-1-1").add([closed(1)]).closed[0]
    record.decision = decided(1).findings
    source.records[record.call_id] = record
    explain_in(place, source)
    path = f"/v1/calls/{record.call_id}/decision"
    assert (await ask(place, path)).code == "call_unknown"  # a call without a key is nobody's
    told = (await ask(place, path, TOKEN)).json
    assert [each["policy"] for each in told["findings"]] == ["keys", "credit"]
    record.key_id = place.source.find_named_key("test").key_id  # type: ignore[union-attr]
    mine = (await ask(place, path)).json
    assert [each["policy"] for each in mine["findings"]] == ["keys"]  # the other is the operator's
    record.decision = None
    mine = (await ask(place, path)).json
    assert (mine["kept"], mine["findings"]) == (False, [])


async def test_a_log_that_cant_be_read_is_503(place: Place):
    source = MemoryDecisions()
    source.fail = True
    explain_in(place, source)
    reply = await ask(place, f"/v1/calls/{call_id(1)}/decision")
    assert (reply.status, reply.code) == (503, "call_log_unavailable")


@pytest.mark.parametrize("token", ["", "fgo_", TOKEN[:-1], operator_token(bytes(32))])
async def test_only_the_token_itself_opens_the_operators_view(place: Place, token: str):
    explain_in(place)
    reply = await ask(place, f"/v1/calls/{call_id(1)}/decision", token)
    assert reply.status == 401
    assert reply.code in ("key_unknown", "key_missing")


async def test_without_a_hash_nobody_is_the_operator(place: Place):
    assert (await ask(place, f"/v1/calls/{call_id(1)}/decision", TOKEN)).code == "key_unknown"


async def test_the_token_calls_no_model(place: Place):
    explain_in(place)
    async with place.client(TOKEN) as client:
        assert (await client.post()).code == "key_unknown"
    assert place.sim.requests == []


@pytest.mark.parametrize(("share", "kept"), [(0, 0), (1, 10), (0.5, 5)])
async def test_a_share_of_the_calls_that_pass_is_explained(share: float, kept: int):
    settings = Settings(refusals=RefusalSettings(decisions_share=share))
    async with running(settings=settings) as place, place.client() as client:
        ids = [(await client.post())["faregate-call-id"] for _ in range(10)]
        await place.settled(10)
        frames = [decode_frame(data) for data in place.journal.frames]
        explained = [frame for frame in frames if isinstance(frame, Decided)]
        assert len(explained) == kept
        for frame in explained:
            assert frame.call_id in ids
            assert {finding.verdict for finding in frame.findings} == {"passed"}


async def test_the_token_is_in_no_record(place: Place):
    explain_in(place)
    await ask(place, f"/v1/calls/{call_id(1)}/decision", TOKEN)
    assert TOKEN.encode() not in b"".join(place.journal.frames)


@pytest.mark.parametrize(
    ("time_ns", "told"),
    [(0, "1970-01-01T00:00:00.000Z"), (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123Z")],
)
def test_moments(time_ns: int, told: str):
    assert moment(time_ns) == told
    assert moment(10**30) == moment(0)
    assert json.dumps(moment(-(10**30)))
