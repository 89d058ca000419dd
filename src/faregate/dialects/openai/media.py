"""Media in JSON: data URLs, formats of sound, marks for a cache.

Sources: RFC 2397; OpenAI, "Images and vision", "Audio and speech"; OpenRouter, "Prompt caching".
"""

from typing import Any, Final, Literal

from faregate.dialects.neutral.parts import CacheMark, Media

_AUDIO_TYPES: Final = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "pcm16": "audio/pcm",
}
_AUDIO_FORMATS: Final = {media_type: name for name, media_type in _AUDIO_TYPES.items()} | {
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}


def read_url(url: str) -> Media:
    """What a URL names or, if it is a data URL, holds."""
    if url.startswith("data:"):
        head, comma, data = url[5:].partition(",")
        if comma and head.endswith(";base64"):
            return Media(media_type=head[:-7].partition(";")[0] or None, data=data)
    return Media(url=url)


def write_url(media: Media, media_type: str = "application/octet-stream") -> str | None:
    """A URL for it; None where only an id of a file is known."""
    if media.url is not None:
        return media.url
    if media.data is None:
        return None
    return f"data:{media.media_type or media_type};base64,{media.data}"


def audio_type(format_name: str) -> str:
    """The media type of a format of sound."""
    return _AUDIO_TYPES.get(format_name, f"audio/{format_name}")


def audio_format(media_type: str | None) -> str:
    """The format's name for a media type of sound."""
    if media_type is None:
        return "wav"
    return _AUDIO_FORMATS.get(media_type, media_type.rpartition("/")[2])


def read_cache(part: dict[str, Any]) -> CacheMark | None:
    """The mark for a cache that a part has, in one of its two spellings."""
    mark = part.get("cache_control")
    if isinstance(mark, dict) and mark.get("type") == "ephemeral":
        stated = mark.get("ttl")
        ttl: Literal["5m", "1h"] | None = stated if stated in ("5m", "1h") else None
        return CacheMark(ttl)
    return CacheMark() if part.get("prompt_cache_breakpoint") is not None else None


def write_cache(mark: CacheMark) -> dict[str, str]:
    """The mark as `cache_control`."""
    written = {"type": "ephemeral"}
    if mark.ttl is not None:
        written["ttl"] = mark.ttl
    return written
