"""Media come out of JSON as they went in."""

import pytest

from faregate.dialects.neutral.parts import CacheMark, Media
from faregate.dialects.openai.media import (
    audio_format,
    audio_type,
    read_cache,
    read_url,
    write_cache,
    write_url,
)


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("https://example.com/a.png", Media(url="https://example.com/a.png")),
        ("data:image/png;base64,AAAA", Media(media_type="image/png", data="AAAA")),
        ("data:text/plain,hello", Media(url="data:text/plain,hello")),
        ("data:", Media(url="data:")),
    ],
)
def test_urls_come_back(url: str, media: Media):
    assert read_url(url) == media
    assert write_url(media) == url


def test_parameters_of_a_media_type_are_left_out():
    read = read_url("data:image/png;name=a;base64,AAAA")
    assert (read.media_type, read.data) == ("image/png", "AAAA")


def test_only_an_id_makes_no_url():
    assert write_url(Media(file_id="file-1")) is None


@pytest.mark.parametrize("name", ["wav", "mp3", "flac", "opus", "pcm16", "m4a"])
def test_formats_of_sound_come_back(name: str):
    assert audio_format(audio_type(name)) == name


def test_marks_for_the_cache_come_back():
    for mark in (CacheMark(), CacheMark("1h"), CacheMark("5m")):
        assert read_cache({"cache_control": write_cache(mark)}) == mark
    assert read_cache({"prompt_cache_breakpoint": {"mode": "explicit"}}) == CacheMark()
    assert read_cache({"cache_control": "yes"}) is None
    assert read_cache({}) is None
