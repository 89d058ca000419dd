"""Messages are written as chat has them; what has no place is told or carried otherwise."""

import pytest

from faregate.dialects.neutral import parts as p
from faregate.dialects.neutral.request import Message
from faregate.dialects.openai import quirks
from faregate.dialects.openai.messages_writer import MessagesWriter
from faregate.dialects.translation import TargetFacts

CHAT = "openai_chat"
PNG = p.Image(p.Media(media_type="image/png", data="AAAA"))


def writer(*names: str) -> MessagesWriter:
    """A writer for a vendor with these quirks."""
    return MessagesWriter(TargetFacts(model="m", quirks=frozenset(names)), CHAT)


def user(*parts: p.Part) -> tuple[Message, ...]:
    """A conversation of one message."""
    return (Message("user", parts),)


def test_one_text_is_a_string_and_several_a_list():
    assert writer().messages(user(p.Text("a")))[0]["content"] == "a"
    several = user(p.Text("a"), p.Text("b"))
    assert writer().messages(several)[0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    assert writer(quirks.STRING_CONTENT).messages(several)[0]["content"] == "a\n\nb"


@pytest.mark.parametrize(
    ("made", "role"),
    [
        (writer(), "system"),
        (writer(quirks.DEVELOPER_ROLE), "developer"),
    ],
)
def test_developers_are_known_where_the_vendor_says_so(made: MessagesWriter, role: str):
    assert made.messages((Message("developer", (p.Text("a"),)),))[0]["role"] == role


def test_marks_for_the_cache():
    marked = user(p.Text("a", p.CacheMark("1h")))
    told = writer()
    assert told.messages(marked)[0]["content"] == [{"type": "text", "text": "a"}]
    assert set(told.lost) == {"cache"}
    kept = writer(quirks.CACHE_CONTROL)
    (part,) = kept.messages(marked)[0]["content"]
    assert part["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    (part,) = writer(quirks.CACHE_BREAKPOINT).messages(marked)[0]["content"]
    assert part["prompt_cache_breakpoint"] == {"mode": "explicit"}
    automatic = writer(quirks.AUTOMATIC_CACHE)
    automatic.messages(marked)
    assert automatic.lost == {}


def test_a_failed_tool_says_so():
    result = p.ToolResult("1", (p.Text("no such file"),), is_error=True)
    (message,) = writer().messages((Message("tool", (result,)),))
    assert message == {"role": "tool", "tool_call_id": "1", "content": "Error: no such file"}
    said = p.ToolResult("1", (p.Text("error: no"),), is_error=True)
    (message,) = writer().messages((Message("tool", (said,)),))
    assert message["content"] == "error: no"
    silent = p.ToolResult("1", (), is_error=True)
    (message,) = writer().messages((Message("tool", (silent,)),))
    assert message["content"] == "Error: it failed"


def test_images_of_tools_follow_the_results():
    results = (p.ToolResult("1", (p.Text("a"), PNG)), p.ToolResult("2", (p.Text("b"),)))
    written = writer().messages((Message("tool", results),))
    assert [message["role"] for message in written] == ["tool", "tool", "user"]
    assert written[2]["content"][1]["image_url"] == {"url": "data:image/png;base64,AAAA"}
    (kept,) = writer(quirks.TOOL_IMAGES).messages((Message("tool", results[:1]),))
    assert [part["type"] for part in kept["content"]] == ["text", "image_url"]


def test_documents():
    text = p.Document(text="words", name="a.txt")
    pdf = p.Document(p.Media(media_type="application/pdf", data="AAAA"))
    url = p.Document(p.Media(url="https://a.example/b.pdf"))
    made = writer()
    (message,) = made.messages(user(text, pdf, url))
    assert message["content"][0] == {"type": "text", "text": "a.txt\n\nwords"}
    assert message["content"][1]["file"] == {
        "file_data": "data:application/pdf;base64,AAAA",
        "filename": "document.pdf",
    }
    assert len(message["content"]) == 2
    assert set(made.lost) == {"messages.document"}


def test_what_can_not_be_carried_is_told():
    made = writer()
    made.messages(
        user(
            p.Audio(p.Media(url="https://a.example/b.mp3")),
            p.Video(p.Media(file_id="f")),
            p.Image(p.Media(file_id="f")),
            p.ServerPart("anthropic", {}),
            p.Text("a", citations=(p.Citation(url="u"),)),
        )
    )
    assert set(made.lost) == {
        "messages.audio", "messages.video", "messages.image", "messages.server", "citations",
    }  # fmt: skip


THOUGHTS = (
    p.Thinking("own", "sig", origin=CHAT),
    p.Thinking("foreign", "sig", origin="anthropic"),
    p.Text("a"),
)


def test_thoughts_go_back_where_the_vendor_wants_them():
    message = Message("assistant", THOUGHTS)
    assert writer().assistant(message) == {"role": "assistant", "content": "a"}
    plain = writer(quirks.REASONING_CONTENT).assistant(message)
    assert plain["reasoning_content"] == "own\n\nforeign"
    details = writer(quirks.REASONING_DETAILS).assistant(message)["reasoning_details"]
    assert [entry["text"] for entry in details] == ["own"]


def test_proofs_of_calls_go_back_to_whom_they_belong():
    own = p.ToolCall("1", "f", "{}", "sig", CHAT)
    foreign = p.ToolCall("1", "f", "{}", "sig", "gemini")
    assert "extra_content" not in writer().call(own)
    kept = writer(quirks.THOUGHT_SIGNATURE)
    assert kept.call(own)["extra_content"] == {"google": {"thought_signature": "sig"}}
    assert "extra_content" not in kept.call(foreign)


def test_an_answer_of_other_kinds():
    call = p.ToolCall("1", "g", "free", custom=True)
    sound = p.Audio(p.Media(), id="audio_1")
    made = writer().assistant(Message("assistant", (p.RefusalText("no"), sound, call), "bob"))
    assert made == {
        "role": "assistant", "content": None, "name": "bob", "audio": {"id": "audio_1"},
        "refusal": "no",
        "tool_calls": [{"custom": {"name": "g", "input": "free"}, "id": "1", "type": "custom"}],
    }  # fmt: skip
    assert writer().assistant(Message("assistant", ()))["content"] == ""
