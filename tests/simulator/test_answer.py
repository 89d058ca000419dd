"""What is said follows from the request and its script, and its usage can be reckoned."""

import msgspec
import pytest

from faregate.simulator.answer import Asked, Tool, compose, in_words, split, tokens_of
from faregate.simulator.script import Script, parse_script

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (Tool("weather", SCHEMA), Tool("time"))
ASKED = Asked(model="m", counted=b"x" * 40, tools=TOOLS)


def said(script, **asked):
    return compose(msgspec.structs.replace(ASKED, **asked), parse_script(script))


def test_a_tool_is_called_and_its_result_mentioned():
    called = said("tool=weather")
    assert [(c.name, c.document()) for c in called.calls] == [("weather", {"city": "sim"})]
    assert (called.finish, called.text) == ("tool", "")
    assert called.usage.output == len(called.calls[0].pieces) == 4
    answered = said("tool=weather", results=("sunny",))
    assert (answered.calls, answered.text, answered.finish) == ([], "The tool said: sunny", "stop")


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("", []),
        ("tool", ["weather"]),
        ("tool=time", ["time"]),
        ("tool=unknown", ["unknown"]),
        ("tools=3", ["weather", "time", "weather"]),
        ("tool=time,tools=2", ["time", "weather"]),
    ],
)
def test_which_tools_are_called(script, names):
    assert [call.name for call in said(script).calls] == names


def test_a_forced_tool_needs_no_script():
    assert [call.name for call in said("", forced="time").calls] == ["time"]
    assert said("tool", tools=()).calls == []


def test_arguments_can_be_given():
    assert said("tool,arguments=%7B%22a%22:1%2C%22b%22:2%7D").calls[0].document() == {
        "a": 1,
        "b": 2,
    }


def test_json_fits_the_schema():
    assert msgspec.json.decode(said("json", schema=SCHEMA).text) == {"city": "sim"}
    assert msgspec.json.decode(said("json,text=x").text) == {"answer": "x"}


def test_usage():
    usage = said("thinking=3,tokens=5,cached=4,cache_write=2").usage
    assert (usage.input, usage.cached, usage.written, usage.fresh) == (10, 4, 2, 4)
    assert (usage.output, usage.thinking) == (8, 3)
    assert said("input=1000").usage.input == 1_000
    assert said("cached=100").usage.input == 100


def test_the_limit_ends_thinking_and_text():
    limited = said("thinking=3,tokens=5", limit=4)
    assert (len(limited.thinking), len(limited.tokens), limited.finish) == (3, 1, "length")
    assert said("finish=content_filter").finish == "content_filter"


def test_texts_are_cut_into_tokens_and_nothing_is_lost():
    assert "".join(in_words(" a  b ")) == " a  b "
    assert split("abcdefghi") == ["abcd", "efgh", "i"]
    assert (tokens_of(""), tokens_of("abcd"), tokens_of("abcde")) == (1, 1, 2)


def test_the_same_gets_the_same():
    assert said("tokens=4") == said("tokens=4")
    assert said("seed=1").text != said("").text
    assert Script(tokens=4).under(Script(error="auth")) == Script(tokens=4, error="auth")
