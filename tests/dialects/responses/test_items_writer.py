"""Messages are written as items; what has no place is told."""

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai import quirks
from faregate.dialects.responses.items_reader import DIALECT
from faregate.dialects.responses.items_writer import ItemsWriter
from faregate.dialects.translation import TargetFacts


def writer(*names: str) -> ItemsWriter:
    """A writer for a vendor with these quirks."""
    return ItemsWriter(TargetFacts(model="m", quirks=frozenset(names)))


def test_a_models_turn_is_several_items():
    thought = p.Thinking("hm", "enc", id="rs_1", is_summary=True, origin=DIALECT)
    foreign = p.Thinking("hm", "sig", origin="anthropic")
    made = writer()
    written = made.input(
        (
            Message(
                "assistant",
                (thought, foreign, p.Text("a"), p.RefusalText("no"), p.ToolCall("c1", "f", ""),
                 p.ToolCall("c2", "g", "free", custom=True), p.Text("b"),
                 p.ServerPart(DIALECT, {"type": "web_search_call"})),
            ),
        )
    )  # fmt: skip
    assert written == [
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "enc",
         "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "arguments": "{}", "call_id": "c1", "name": "f"},
        {"type": "custom_tool_call", "input": "free", "call_id": "c2", "name": "g"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        {"type": "web_search_call"},
    ]  # fmt: skip
    assert (made.lost, made.thinks) == ({}, True)


def test_plain_thoughts_go_back_where_the_vendor_wants_them():
    turn = (Message("assistant", (p.Thinking("hm"),)),)
    assert writer().input(turn) == []
    (item,) = writer(quirks.REASONING_CONTENT).input(turn)
    assert item["content"] == [{"type": "reasoning_text", "text": "hm"}]


def test_results_of_tools():
    image = p.Image(p.Media(media_type="image/png", data="AAAA"), "low")
    results = (
        p.ToolResult("c1", (p.Text("a"),), is_error=True),
        p.ToolResult("c2", (p.Text("b"), image), custom=True),
        p.ToolResult("c3", ()),
    )
    assert writer().input((Message("tool", results),)) == [
        {"type": "function_call_output", "call_id": "c1", "output": "Error: a"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [
            {"type": "input_text", "text": "b"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"}]},
        {"type": "function_call_output", "call_id": "c3", "output": ""},
    ]  # fmt: skip


def test_documents():
    pdf = p.Media(media_type="application/pdf", data="AAAA")
    parts = (
        p.Document(pdf),
        p.Document(p.Media(url="https://a.example/b.pdf"), name="b.pdf"),
        p.Document(p.Media(file_id="file-1")),
        p.Document(text="words", name="a.txt"),
    )
    (message,) = writer().input((Message("user", parts),))
    assert message["content"] == [
        {"type": "input_file", "filename": "document.pdf",
         "file_data": "data:application/pdf;base64,AAAA"},
        {"type": "input_file", "file_url": "https://a.example/b.pdf", "filename": "b.pdf"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_text", "text": "a.txt\n\nwords"},
    ]  # fmt: skip


def test_what_can_not_be_carried_is_told():
    made = writer()
    made.input(
        (
            Message("user", (p.Video(p.Media(url="u")), p.Audio(p.Media(url="u"))), "ann"),
            Message("user", (p.ServerPart("anthropic", {}), p.Text("a", p.CacheMark()))),
            Message("assistant", (p.ServerPart("anthropic", {}), p.Image(p.Media(url="u")))),
            Message("assistant", (p.Text("a", citations=(p.Citation(url="u"),)),)),
        )
    )
    assert set(made.lost) == {
        "messages.video", "messages.audio", "messages.name", "messages.server", "cache",
        "messages.image", "citations",
    }  # fmt: skip


def test_marks_for_the_cache():
    marked = (Message("user", (p.Text("a", p.CacheMark()),)),)
    (message,) = writer(quirks.CACHE_BREAKPOINT).input(marked)
    assert message["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    automatic = writer(quirks.AUTOMATIC_CACHE)
    automatic.input(marked)
    assert automatic.lost == {}
    result = (Message("tool", (p.ToolResult("c", (), cache=p.CacheMark()),)),)
    (item,) = writer(quirks.CACHE_CONTROL).input(result)
    assert item["cache_control"] == {"type": "ephemeral"}
