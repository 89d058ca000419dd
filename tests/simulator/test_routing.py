"""Every request gets the plan that its address, key, body and script ask for."""

import h11
import msgspec
import pytest

from faregate.simulator.routing import PLANS_KEPT_MAX, Router
from faregate.simulator.script import ScriptError, parse_script

CHAT = b"/v1/chat/completions"


def body(**members):
    return msgspec.json.encode({"model": "sim", "messages": [{"role": "user"}], **members})


def answer(plan):
    assert plan.whole is not None
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(plan.whole.data)
    head = client.next_event()
    return head.status_code, msgspec.json.decode(bytes(client.next_event().data))


def ask(router, method=b"POST", target=CHAT, sent=None, simulate=None):
    return answer(router.plan(method, target, body() if sent is None else sent, simulate))


@pytest.mark.parametrize(
    ("target", "sent", "kind"),
    [
        (CHAT, body(), "chat.completion"),
        (CHAT + b"?x=1", body(), "chat.completion"),
        (b"/v1/completions", b'{"model":"m","prompt":"x"}', "text_completion"),
        (b"/v1/embeddings", b'{"model":"m","input":"x"}', "list"),
    ],
)
def test_routes(target, sent, kind):
    status, document = ask(Router(None), target=target, sent=sent)
    assert (status, document["object"]) == (200, kind)


def test_models():
    status, listed = ask(Router(None), b"GET", b"/v1/models", b"")
    assert status == 200
    assert listed["data"][0]["id"] == "sim"
    one = ask(Router(None), b"GET", b"/v1/models/sim%3Atokens=3", b"")[1]
    assert (one["id"], one["object"]) == ("sim:tokens=3", "model")


@pytest.mark.parametrize(
    ("sent", "status", "param", "words"),
    [
        (b"", 400, None, "could not parse the JSON"),
        (b"{", 400, None, "could not parse the JSON"),
        (b'{"a":' * 100_000, 400, None, "could not parse the JSON"),
        (b"\xff", 400, None, "could not parse the JSON"),
        (b'{"model":1}', 400, "model", "Invalid type"),
        (b'{"messages":[]}', 400, "model", "must provide a model"),
        (b'{"model":"m"}', 400, "messages", "Missing required parameter: 'messages'"),
        (body(stream="yes"), 400, "stream", "Invalid type"),
        (body(n=99), 400, None, "'n'"),
        (body(model="sim:latency=1"), 400, "X-Simulate", "Did you mean 'latency_ms'?"),
        (body(model="sim:early"), 400, "X-Simulate", "only in the header"),
    ],
    ids=range(11),
)
def test_mistakes(sent, status, param, words):
    found, document = ask(Router(None), sent=sent)
    assert (found, document["error"]["param"]) == (status, param)
    assert words in document["error"]["message"]


def test_wrong_addresses_and_methods():
    router = Router(None)
    assert ask(router, target=b"/v1/nothing")[0] == 404
    assert ask(router, b"GET")[0] == 405
    assert ask(router, b"POST", b"/v1/models")[0] == 405


def test_the_header_wins_over_the_model():
    sent = body(model="sim:error=auth")
    assert ask(Router(None), sent=sent)[0] == 401
    assert ask(Router(None), sent=sent, simulate=b"error=quota")[0] == 429
    assert ask(Router(None), sent=sent, simulate=b"")[0] == 200


def test_a_default_is_for_calls_that_bring_none():
    router = Router(None, parse_script("status=503"))
    assert ask(router, sent=body(model="gpt"))[0] == 503
    assert ask(router, sent=body(model="sim:tokens=1"))[0] == 200


def test_only_the_first_calls_fail():
    router = Router(None)
    sent = body(model="sim:fail_first=2,error=overloaded")
    assert [ask(router, sent=sent)[0] for _ in range(4)] == [503, 503, 200, 200]
    assert ask(router, sent=body(model="sim:fail_first=1"))[0] == 500
    router.reset()
    assert ask(router, sent=sent)[0] == 503


def test_keys():
    router = Router("sk-right")
    shown = {
        key: answer(router.plan(b"POST", CHAT, body(), None, [(b"Authorization", key)]))
        for key in (b"Bearer sk-right", b"Bearer sk-wrong-and-long", b"Bearer sk-sim:error=quota")
    }
    assert [status for status, _ in shown.values()] == [200, 401, 429]
    error = shown[b"Bearer sk-wrong-and-long"][1]["error"]
    assert error["code"] == "invalid_api_key"
    assert "sk-wrong" not in error["message"]
    status, document = answer(router.plan(b"POST", CHAT, body(), None))
    assert (status, document["error"]["code"]) == (401, None)


def test_a_key_can_be_broken_and_repaired():
    router = Router(None)
    shown = [(b"authorization", b"Bearer k")]
    sent = body(model="sim:tokens=2,error=auth")

    def status(sent):
        return answer(router.plan(b"POST", CHAT, sent, None, shown))[0]

    assert status(body()) == 200
    router.give_script("k", "refusal=openai:payment_required")
    assert (status(body()), ask(router)[0]) == (402, 200)
    router.give_script("k", "fail_first=1,error=quota")
    assert [status(sent), status(sent)] == [429, 401]
    router.give_script("k", None)
    assert status(body()) == 200
    with pytest.raises(ScriptError, match="no option"):
        router.give_script("k", "nonsense=1")


def test_an_early_answer_needs_only_a_header():
    router = Router(None)
    plan = router.early(CHAT, b"early,error=quota")
    assert plan is not None
    assert answer(plan)[0] == 429
    assert router.early(CHAT, b"tokens=1") is None
    assert router.early(CHAT, b"early,nonsense") is None
    assert router.early(b"/v1/models", b"early") is None


@pytest.mark.parametrize(
    "target",
    [
        b"/v1/completions",
        b"/v1/responses",
        b"/v1/embeddings",
        b"/v1/messages",
        b"/v1beta/models/sim:generateContent",
        b"/model/sim/converse",
        b"/model/sim/invoke",
        b"/v2/chat",
        b"/api/chat",
    ],
)
def test_every_dialect_can_be_early(target):
    plan = Router(None).early(target, b"early,error=server_error")
    assert plan is not None
    assert answer(plan)[0] == 500


def test_the_same_request_gets_the_same_plan_and_no_more_are_kept_than_that():
    router = Router(None)
    assert router.plan(b"POST", CHAT, body(), None) is router.plan(b"POST", CHAT, body(), None)
    for number in range(PLANS_KEPT_MAX * 2):
        router.plan(b"POST", CHAT, body(seed=number), None)
    assert len(router._kept) <= PLANS_KEPT_MAX
