"""Subtitles are written exactly, and can be read again."""

import re

from hypothesis import given
from hypothesis import strategies as st

from faregate.dialects.audio import subtitles
from faregate.dialects.audio.neutral import Span

SEGMENTS = (Span(0, 2_500, " Hello there. "), Span(3_661_007, 3_662_000, "a --> b\n\n c"))


def test_subrip_is_exact() -> None:
    assert subtitles.srt(SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:02,500\nHello there.\n\n"
        "2\n01:01:01,007 --> 01:01:02,000\na -> b\nc\n\n"
    )
    assert subtitles.srt(()) == ""


def test_webvtt_is_exact() -> None:
    assert subtitles.vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nHello there.\n\n"
        "01:01:01.007 --> 01:01:02.000\na -> b\nc\n\n"
    )
    assert subtitles.vtt(()) == "WEBVTT\n\n"


@given(
    st.lists(
        st.builds(Span, st.integers(-5, 10**8), st.integers(-5, 10**8), st.text(max_size=30)),
        max_size=5,
    )
)
def test_no_text_makes_lines_of_its_own(segments: list[Span]) -> None:
    times = re.compile(r"^\d\d+:\d\d:\d\d[.,]\d{3} --> \d\d+:\d\d:\d\d[.,]\d{3}$", re.M)
    for written in (subtitles.srt(segments), subtitles.vtt(segments)):
        assert len(times.findall(written)) == written.count("-->") == len(segments)


def words(text: str, step_ms: int = 300) -> list[Span]:
    found = []
    for at, word in enumerate(text.split()):
        found.append(Span(at * step_ms, at * step_ms + 200, word))
        found.append(Span(at * step_ms + 200, at * step_ms + 300, " "))
    return found


def test_words_are_gathered_into_sentences() -> None:
    assert subtitles.gathered(words("Well then. What now? So be it")) == (
        Span(0, 600, "Well then."),
        Span(600, 1_200, "What now?"),
        Span(1_200, 2_100, "So be it"),
    )
    assert subtitles.gathered([]) == subtitles.gathered([Span(0, 1, " ")]) == ()


def test_long_ones_and_pauses_end_a_segment() -> None:
    for segment in subtitles.gathered(words("word " * 100)):
        assert len(segment.text) <= 84
        assert segment.end_ms - segment.start_ms <= 7_100
    late = [Span(0, 100, "a"), Span(5_000, 5_100, " b")]
    assert [one.text for one in subtitles.gathered(late)] == ["a", "b"]


@given(st.lists(st.tuples(st.integers(0, 3_000), st.text("ab .?", max_size=9)), max_size=60))
def test_no_word_is_lost(said: list[tuple[int, str]]) -> None:
    at, spans = 0, []
    for step, text in said:
        spans.append(Span(at, at + 100, text))
        at += step
    joined = "".join(one.text for one in subtitles.gathered(spans))
    assert joined.replace(" ", "") == "".join(text for _, text in said).replace(" ", "")
