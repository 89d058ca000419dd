"""Writes what was said as subtitles, and gathers words into their lines.

Times are whole milliseconds; hours are always written, as OpenAI does. An arrow within a text
would be read as a line of times, so it is shortened.

Sources: Whisper, `whisper/utils.py` (WriteSRT, WriteVTT); W3C, "WebVTT" §4.
"""

from collections.abc import Sequence
from typing import Final

from faregate.dialects.audio.neutral import Span

# A segment of gathered words ends behind a sentence, before a pause, or when it is long.
_SENTENCE_ENDS: Final = (".", "?", "!", "。", "？", "！", "…")
_PAUSE_MS: Final = 1_000
_SEGMENT_MS_MAX: Final = 7_000
_SEGMENT_CHARACTERS_MAX: Final = 84  # two lines of 42, as broadcasters have them


def _moment(ms: int, mark: str) -> str:
    seconds, rest = divmod(max(ms, 0), 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{rest:03}"


def _times(span: Span, mark: str) -> str:
    return f"{_moment(span.start_ms, mark)} --> {_moment(max(span.end_ms, span.start_ms), mark)}"


def _shown(span: Span) -> str:
    # An empty line would end the subtitle.
    lines = (line.strip() for line in span.text.replace("-->", "->").splitlines())
    return "\n".join(line for line in lines if line)


def srt(segments: Sequence[Span]) -> str:
    """SubRip: numbered, with commas in the times."""
    return "".join(
        f"{number}\n{_times(span, ',')}\n{_shown(span)}\n\n"
        for number, span in enumerate(segments, 1)
    )


def vtt(segments: Sequence[Span]) -> str:
    """WebVTT."""
    return "WEBVTT\n\n" + "".join(f"{_times(span, '.')}\n{_shown(span)}\n\n" for span in segments)


def gathered(words: Sequence[Span]) -> tuple[Span, ...]:
    """Words as segments.

    Texts are joined as they are: they bring their own spaces.
    """
    segments: list[Span] = []
    held: list[Span] = []

    def put() -> None:
        text = "".join(word.text for word in held).strip()
        if text:
            segments.append(Span(held[0].start_ms, held[-1].end_ms, text))
        held.clear()

    for word in words:
        if held and not word.text.isspace():
            long = sum(len(one.text) for one in held) + len(word.text) > _SEGMENT_CHARACTERS_MAX
            late = word.end_ms - held[0].start_ms > _SEGMENT_MS_MAX
            said = "".join(one.text for one in held).rstrip().endswith(_SENTENCE_ENDS)
            if long or late or said or word.start_ms - held[-1].end_ms > _PAUSE_MS:
                put()
        if held or not word.text.isspace():
            held.append(word)
    if held:
        put()
    return tuple(segments)
