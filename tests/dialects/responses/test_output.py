"""Parts are written as items of an output that OpenAI's SDK takes."""

from openai.types.responses import Response

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.call_proofs import with_proofs
from faregate.dialects.neutral.request import (
    AnswerFormat,
    Reasoning,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from faregate.dialects.responses.items_reader import DIALECT, read_output_item
from faregate.dialects.responses.output import (
    proof_of,
    response,
    status_of,
    write_error,
    write_output,
)
from faregate.dialects.translation import Asked
from faregate.dialects.usage import Usage

PARTS = (
    p.Thinking("hm", "sig", origin="anthropic"),
    p.Thinking("", None, "all", origin="anthropic"),
    p.Text("a", citations=(p.Citation(url="u", title="t", start=0, end=1),)),
    p.ToolCall("c1", "f", "{}", "proof", "gemini"),
    p.ToolCall("c2", "g", "free", custom=True),
    p.RefusalText("no"),
    p.Image(p.Media(media_type="image/png", data="AAAA")),
    p.ServerPart(DIALECT, {"type": "web_search_call", "id": "ws", "status": "completed",
                           "action": {"type": "search", "query": "q"}}),
)  # fmt: skip


def test_all_kinds_of_parts_come_back():
    items = write_output((*PARTS, p.ServerPart("anthropic", {})), "r", None)
    found = [part for item in items for part in read_output_item(item, "x")]
    assert with_proofs(tuple(found), DIALECT) == PARTS
    assert len({item["id"] for item in items}) == len(items)


def test_neighbouring_texts_are_one():
    source = p.Citation(url="u", title="t", start=0, end=1)
    (item,) = write_output((p.Text("ab"), p.Text("cd", citations=(source,))), "r", None)
    (text,) = item["content"]
    assert text["text"] == "abcd"
    assert text["annotations"][0]["start_index"] == 2


def test_the_sdk_takes_a_response():
    request = Request(
        model="m",
        messages=(),
        tools=(Tool(name="f", parameters={}), ServerTool(DIALECT, {"type": "web_search"})),
        tool_choice=ToolChoice("tool", ("f",)),
        reasoning=Reasoning(effort="low"),
        answer_format=AnswerFormat(kind="schema", name="a", schema={}),
        verbosity="low",
    )
    written = response(
        Asked(request=request, call_id="c", now_s=7),
        "resp_1",
        "m",
        created_s=None,
        tier="default",
        status="completed",
        output=write_output(PARTS, "r", None),
        usage=Usage(1, 2),
    )
    found = Response.model_validate(written, strict=False)
    assert found.output_text == "a"
    assert [item.type for item in found.output] == [
        "reasoning", "reasoning", "message", "reasoning", "function_call", "custom_tool_call",
        "message", "image_generation_call", "web_search_call",
    ]  # fmt: skip
    assert found.created_at == 7


def test_ends_have_a_status():
    assert status_of("tool_calls") == ("completed", None)
    assert status_of("length") == ("incomplete", "max_output_tokens")
    assert status_of("content_filter") == ("incomplete", "content_filter")
    assert status_of("error") == ("failed", None)
    assert write_error("x") == {"code": "server_error", "message": "x"}


def test_own_proofs_stay_as_they_are():
    assert proof_of("sig", None, DIALECT) == "sig"
    assert proof_of(None, None, "anthropic") is None
    assert proof_of("sig", None, "gemini") == "faregate:gemini:sig"
