"""Small sound files, made by hand."""

import io
import struct
import wave

RATE = 16_000


def wav(ms: int, *, stated: int | None = None, rate: int = RATE) -> bytes:
    """Silence in 16 bits; `stated` is another size of its data."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * rate * ms // 1_000))
    data = held.getvalue()
    return data if stated is None else data[:40] + struct.pack("<I", stated) + data[44:]


def flac(ms: int) -> bytes:
    """A head that states so many samples."""
    samples = RATE * ms // 1_000
    packed = (RATE << 44) | (15 << 36) | samples
    return b"fLaC\x80\x00\x00\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16) + b"\xff"


def ogg(ms: int, mark: bytes = b"OpusHead") -> bytes:
    """Two pages: what it is, and how far it went."""
    head = mark + (bytes(11) if mark == b"OpusHead" else bytes(5) + struct.pack("<I", RATE))
    rate = 48_000 if mark == b"OpusHead" else RATE
    pages = b""
    for position, body in ((0, head), (rate * ms // 1_000, b"\xff" * 40)):
        pages += b"OggS\x00\x02" + struct.pack("<q", position) + bytes(13) + b"\x28" + body
    return pages


def mp4(ms: int, version: int = 0) -> bytes:
    """A movie header, in either of its versions."""
    times = bytes(8 if version == 0 else 16)
    form = ">II" if version == 0 else ">IQ"
    head = bytes([version]) + bytes(3) + times + struct.pack(form, 1_000, ms)
    return b"\x00\x00\x00\x18ftypM4A " + bytes(12) + b"\x00\x00\x00\x6cmvhd" + head + bytes(80)


def mp3(frames: int, kbits: int = 64, *, xing: int | None = None, tagged: bool = False) -> bytes:
    """MPEG-1 frames of 44.1 kHz; 1,152 samples each."""
    index = (32, 40, 48, 56, 64, 80, 96, 112, 128).index(kbits) + 1
    length = 144 * kbits * 1_000 // 44_100
    frame = struct.pack(">I", 0xFFFB0000 | index << 12) + bytes(length - 4)
    data = frame * frames
    if xing is not None:
        head = frame[:36] + b"Xing" + struct.pack(">II", 1, xing)
        data = head + bytes(length - len(head)) + data
    tag = b"ID3\x03\x00\x00\x00\x00\x01\x00" + bytes(128) if tagged else b""
    return tag + data
