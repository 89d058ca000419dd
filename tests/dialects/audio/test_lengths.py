"""Audio's length is read of its head, and bounded where that doesn't say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects.audio.sounds import flac, mp3, mp4, ogg, wav

from faregate.dialects.audio import lengths


@pytest.mark.parametrize(
    ("data", "ms"),
    [
        (wav(1_500), 1_500),
        (wav(1_500, stated=0xFFFFFFFF), 1_500),  # written as a stream
        (wav(1_500, stated=16), 1_500),  # all of it is played nevertheless
        (flac(2_000), 2_000),
        (ogg(3_000), 3_000),
        (ogg(3_000, b"\x01vorbis"), 3_000),
        (mp4(4_000), 4_000),
        (mp4(4_000, 1), 4_000),
        (mp3(100, xing=1_000), 26_123),  # 1,000 frames of 1,152 samples
    ],
)
def test_a_head_is_believed(data: bytes, ms: int) -> None:
    assert lengths.told_ms(data) == lengths.most_ms(data) == lengths.likely_ms(data) == ms


@pytest.mark.parametrize("tagged", [False, True])
@pytest.mark.parametrize("kbits", [32, 64, 128])
def test_frames_of_one_bit_rate_tell_the_length(kbits: int, tagged: bool) -> None:
    exact = 200 * 1_152 * 1_000 / 44_100
    found = lengths.told_ms(mp3(200, kbits, tagged=tagged))
    assert found is not None
    assert 0.99 * exact <= found <= 1.01 * exact


@pytest.mark.parametrize(
    "data",
    [
        b"", b"RIFF", b"RIFF\0\0\0\0WAVE", wav(10)[:30], flac(1)[:20], flac(0), ogg(1_000) * 2,
        ogg(0), mp4(1)[:30], mp4(0), b"\x1a\x45\xdf\xa3" + bytes(100), mp3(3, 64) + mp3(9, 128),
        b"ID3\x03", mp3(1)[:3],
    ],
)  # fmt: skip
def test_what_tells_nothing_is_a_millisecond_a_byte(data: bytes) -> None:
    assert lengths.told_ms(data) is None
    assert lengths.most_ms(data) == len(data)
    assert lengths.likely_ms(data) == -(-len(data) // 8)


@given(
    st.sampled_from([b"", wav(5), flac(5), ogg(5), mp4(5), mp3(5), b"ID3", b"RIFF", b"OggS"]),
    st.binary(max_size=60),
    st.integers(0, 60),
)
def test_no_bytes_make_it_fail(start: bytes, rest: bytes, cut: int) -> None:
    for data in (start + rest, start[:cut] + rest):
        assert lengths.most_ms(data) >= 0
        assert lengths.likely_ms(data) >= 0
