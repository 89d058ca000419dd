"""A plan sends what the script asks for, byte for byte, and ends as it says."""

import h11
import msgspec
import pytest

from faregate.providers.refusals import classify
from faregate.providers.rules import all_rules
from faregate.simulator.plan import End, Flood, Send, Wait, plan_document, plan_reply
from faregate.simulator.replies import Chat, decode_request
from faregate.simulator.script import parse_script

BODY = b'{"model":"m","messages":[{"role":"user","content":"hello"}]}'
CHAT = decode_request(BODY)
STREAM = msgspec.structs.replace(CHAT, stream=True)


def planned(request, script):
    return plan_reply(Chat("chat", request), parse_script(script))


REFUSALS = sorted({f"{n.rule.provider}:{n.rule.meaning}" for n in all_rules()})


def steps(script, request=CHAT):
    return list(planned(request, script).steps())


def sent(made):
    parts = (s.data if isinstance(s, Send) else s.block * s.times if isinstance(s, Flood) else b""
             for s in made)  # fmt: skip
    return b"".join(parts)


def read(data, *, ended=False):
    """The head and body as h11 reads them; it refuses what is not HTTP."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if ended:
        client.receive_data(b"")
    head, body = client.next_event(), bytearray()
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    return head, bytes(body), isinstance(event, h11.EndOfMessage)


def events_of(data):
    return read(data)[1].count(b"data: ")


@pytest.mark.parametrize("request_", [CHAT, STREAM], ids=["sized", "stream"])
def test_a_plain_reply_is_whole_and_valid(request_):
    plan = planned(request_, "")
    assert plan.kept
    assert plan.whole is not None
    head, body, complete = read(plan.whole.data)
    assert (head.status_code, complete) == (200, True)
    assert plan.whole.events == (18 if request_.stream else 0)
    assert body.endswith(b"data: [DONE]\n\n" if request_.stream else b"}")


def test_waits_stand_before_what_they_delay():
    made = steps("latency_ms=200,tokens=2,token_ms=5", STREAM)
    assert [s.ms for s in made if isinstance(s, Wait)] == [200, 5, 5]
    assert isinstance(made[0], Wait)
    assert [s.events for s in made if isinstance(s, Send)] == [1, 1, 2]
    assert [s.ms for s in steps("tokens=4,token_ms=5") if isinstance(s, Wait)] == [20]


@pytest.mark.parametrize("name", ["rate_limit", "quota", "server_error", "not_found"])
def test_errors(name):
    head, body, _ = read(sent(steps(f"error={name}", STREAM)))
    assert head.status_code >= 400
    assert b"{model}" not in body
    assert (b"retry-after" in dict(head.headers)) is (name == "rate_limit")


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals_of_vendors_mean_what_they_are_called(refusal):
    vendor, _, meaning = refusal.partition(":")
    head, body, _ = read(sent(steps(f"refusal={refusal}")))
    assert classify(vendor, head.status_code, list(head.headers), body).meaning == meaning


def test_the_wait_of_an_error_can_be_set():
    head, body, _ = read(sent(steps("error=rate_limit,retry_after_s=3")))
    assert dict(head.headers)[b"retry-after"] == b"3"
    assert b"try again in 3s" in body


def test_status_alone():
    assert read(sent(steps("status=503")))[0].status_code == 503
    assert read(sent(steps("status=201")))[0].status_code == 201
    head, body, complete = read(sent(steps("status=204", STREAM)))
    assert (head.status_code, body, complete) == (204, b"", True)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_stalls_or_is_cut_after_so_many_events(count):
    stalled = steps(f"stall_after={count},token_ms=1", STREAM)
    assert stalled[-1] is End.STALL
    assert events_of(sent(stalled)) == count
    cut = steps(f"cut_after={count}", STREAM)
    assert cut[-1] is End.CUT
    assert sum(s.events for s in cut if isinstance(s, Send)) == count


def test_cuts_in_bytes():
    whole = sent(steps("", STREAM))
    head_length = whole.index(b"\r\n\r\n") + 4
    cut = steps("cut_after=70b,reset", STREAM)
    assert sent(cut) == whole[: head_length + 70]
    assert cut[-1] is End.RESET
    sized = sent(steps("cut_after=7"))
    assert sized.endswith(b'\r\n\r\n{"id":"')
    assert sent(steps("stall_after=0")).endswith(b"\r\n\r\n")


def test_endings():
    assert steps("reset") == [End.RESET]
    closing = steps("close")
    assert closing[-1] is End.CLOSE
    assert b"connection: close\r\n" in sent(closing)


def test_broken_heads():
    with pytest.raises(h11.RemoteProtocolError):
        read(sent(steps("malformed=head")))


@pytest.mark.parametrize("request_", [CHAT, STREAM], ids=["sized", "stream"])
def test_broken_chunks(request_):
    with pytest.raises(h11.RemoteProtocolError):
        read(sent(steps("malformed=chunk", request_)))


@pytest.mark.parametrize("request_", [CHAT, STREAM], ids=["sized", "stream"])
def test_broken_lengths(request_):
    made = steps("malformed=length", request_)
    assert made[-1] is End.CLOSE
    with pytest.raises(h11.RemoteProtocolError, match=r"incomplete|without sending complete"):
        read(sent(made), ended=True)


def test_broken_json():
    _, body, complete = read(sent(steps("malformed=json")))
    assert complete
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body)
    _, body, complete = read(sent(steps("malformed=json", STREAM)))
    assert complete
    bad = [e for e in body.split(b"\n\n") if e.startswith(b"data: {") and not e.endswith(b"}")]
    assert len(bad) == 1


def test_broken_events():
    _, body, complete = read(sent(steps("malformed=event", STREAM)))
    assert complete
    assert b"not an event\n" in body


def test_slow_and_large_heads():
    made = steps("slow_headers_ms=160")
    assert sum(s.ms for s in made if isinstance(s, Wait)) == pytest.approx(160)
    assert read(sent(made))[2]
    data = sent(steps("header_bytes=5500"))
    assert 5_400 < data.index(b"\r\n\r\n") < 5_900


@pytest.mark.parametrize("request_", [CHAT, STREAM], ids=["sized", "stream"])
def test_large_replies_are_floods_of_one_block(request_):
    made = steps("reply_bytes=3000000", request_)
    assert max(len(s.data) for s in made if isinstance(s, Send)) < 140_000
    _, body, complete = read(sent(made))
    assert complete
    if request_.stream:
        assert 3_000_000 <= len(body) < 3_010_000
        assert body.endswith(b"data: [DONE]\n\n")
    else:
        assert len(body) == 3_000_000
        document = msgspec.json.decode(body)
        assert set(document["choices"][0]["message"]["content"]) == {"x"}
        assert document["usage"]["completion_tokens"] == 16


def test_the_largest_reply_costs_nothing_to_plan():
    plan = planned(STREAM, "reply_bytes=1000000000000")
    assert not plan.kept
    assert sum(1 for _ in plan.steps()) < 100


def test_an_error_in_a_stream():
    _, body, complete = read(sent(steps("error_in_stream_after=2,error=overloaded", STREAM)))
    assert complete
    events = body.split(b"\n\n")[:-1]
    assert len(events) == 3
    failure = events[-1].removeprefix(b"data: ")
    assert classify("openai", 200, {}, failure).meaning == "failed"
    assert b"server_is_overloaded" in failure


def test_documents():
    plan = plan_document(405, b"{}", (("allow", "GET"),))
    assert plan.whole is not None
    head, body, _ = read(plan.whole.data)
    assert (head.status_code, dict(head.headers)[b"allow"], body) == (405, b"GET", b"{}")


def test_choices_are_bounded():
    with pytest.raises(ValueError, match="'n'"):
        planned(msgspec.structs.replace(CHAT, n=0), "")
