"""How long audio takes, by its head or, at most, by its bytes.

The rule: WAV by its bytes and the rate in its format chunk; FLAC by the samples in its stream
information; Ogg with Opus or Vorbis by the last page's position; MP3 by the count of frames in
its Xing head, else by the bit rate where the first frames share one; MP4 by its movie header.
A head is believed: who lies in it is billed by the vendor, who hears all of it. Everything else
is taken as 8 kbit/s at most (a byte is a millisecond), the lowest rate that is usual for speech;
as a fair guess, 64 kbit/s.

Sources: Microsoft, "Multimedia Programming Interface" (RIFF WAVE); RFC 9639 §8.2 (FLAC); RFC 7845
§4 (Ogg Opus); Xiph, "Vorbis I specification" §4.2.2; ISO/IEC 11172-3 §2.4.2.3 and 13818-3 (MP3);
ISO/IEC 14496-12 §8.2.2 (mvhd).
"""

import struct
from typing import Final

_MS: Final = 1_000
_TYPICAL_BYTES_A_MS: Final = 8
_PCM: Final = (1, 3, 0xFFFE)
_HEAD_BYTES: Final = 64 * 1024
_FRAMES_LOOKED_AT: Final = 64
_KBITS_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES_1: Final = (44_100, 48_000, 32_000, 0)


def most_ms(data: bytes) -> int:
    """The most milliseconds that audio can take."""
    told = told_ms(data)
    return len(data) if told is None else told


def likely_ms(data: bytes) -> int:
    """How long audio takes, as far as can be said."""
    told = told_ms(data)
    return -(-len(data) // _TYPICAL_BYTES_A_MS) if told is None else told


def told_ms(data: bytes) -> int | None:
    """How long audio takes by its head, rounded up; None: that doesn't say."""
    try:
        if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return _wav(data)
        if data[:4] == b"fLaC":
            return _flac(data)
        if data[:4] == b"OggS":
            return _ogg(data)
        if data[4:8] == b"ftyp":
            return _mp4(data)
        return _mp3(data)
    except (struct.error, IndexError):  # it ends within its head
        return None


def _ms(samples: int, rate: int) -> int | None:
    return -(-samples * _MS // rate) if samples > 0 and rate > 0 else None


def _wav(data: bytes) -> int | None:
    at, rate = 12, 0
    while at + 8 <= min(len(data), _HEAD_BYTES):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        if name == b"fmt ":
            form, _, samples, stated, align = struct.unpack_from("<HHIIH", data, at + 8)
            # Of plain samples the rate follows; whoever plays it does not look at what is stated.
            rate = samples * align if form in _PCM else stated
        elif name == b"data":
            # All that is there: the stated size may be wrong where it was written as a stream.
            return _ms(len(data) - at - 8, rate)
        at += 8 + size + size % 2
    return None


def _flac(data: bytes) -> int | None:
    packed = int.from_bytes(data[18:26], "big")  # rate:20, channels:3, bits:5, samples:36
    if len(data) < 26:
        return None
    return _ms(packed & (1 << 36) - 1, packed >> 44)


def _ogg(data: bytes) -> int | None:
    opus, vorbis = data.count(b"OpusHead"), data.count(b"\x01vorbis")
    last = data.rfind(b"OggS")
    if opus + vorbis != 1 or last < 0:  # several streams behind each other: each counts for itself
        return None
    position = struct.unpack_from("<q", data, last + 6)[0]
    if opus:
        return _ms(position, 48_000)
    at = data.find(b"\x01vorbis")
    return _ms(position, struct.unpack_from("<I", data, at + 12)[0])


def _mp4(data: bytes) -> int | None:
    at = data.find(b"mvhd")
    if at < 0:
        return None
    if data[at + 4] == 1:
        scale, length = struct.unpack_from(">IQ", data, at + 24)
    else:
        scale, length = struct.unpack_from(">II", data, at + 16)
    return _ms(length, scale)


def _frame(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Of an MP3 frame's head: its length in bytes, kbit/s, samples and samples a second."""
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer = head >> 19 & 3, head >> 17 & 3
    if head >> 21 != 0x7FF or version == 1 or layer != 1 or at + 4 > len(data):
        return None
    kbits = (_KBITS_1 if version == 3 else _KBITS_2)[head >> 12 & 15]
    rate = _RATES_1[head >> 10 & 3] >> (0 if version == 3 else 1 if version == 2 else 2)
    if not kbits or not rate:
        return None
    samples = 1152 if version == 3 else 576
    return samples // 8 * kbits * _MS // rate + (head >> 9 & 1), kbits, samples, rate


def _mp3(data: bytes) -> int | None:
    at = 0
    if data[:3] == b"ID3":
        size = data[6:10]
        at = 10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
    first = _frame(data, at)
    if first is None:
        return None
    length, kbits, samples, rate = first
    for mark in (b"Xing", b"Info"):
        told = data.find(mark, at, at + length)
        if told >= 0 and data[told + 7] & 1:
            frames = struct.unpack_from(">I", data, told + 8)[0]
            return _ms(frames * samples, rate)
    following = at
    for _ in range(_FRAMES_LOOKED_AT):
        following += length
        if following >= len(data) - 128:  # behind the last may stand a tag
            break
        frame = _frame(data, following)
        if frame is None or frame[1] != kbits:
            return None
        length = frame[0]
    return -(-(len(data) - at) * 8 // kbits)
