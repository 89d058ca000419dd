"""Formats of media as Converse names them, and their media types.

Source: Amazon Bedrock API reference, "ImageBlock", "DocumentBlock", "VideoBlock", "AudioBlock".
"""

from typing import Final

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_TYPES: Final[dict[str, dict[str, str]]] = {
    "image": {name: f"image/{name}" for name in ("png", "jpeg", "gif", "webp")},
    "document": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": f"{_OFFICE}.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
    "video": {
        "mp4": "video/mp4",
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "mpg": "video/mpg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "opus": "audio/opus",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "mp4": "audio/mp4",
        "m4a": "audio/x-m4a",
        "webm": "audio/webm",
        "mka": "audio/x-matroska",
        "pcm": "audio/pcm",
    },
}
_FORMATS: Final = {
    kind: {media_type: name for name, media_type in types.items()} for kind, types in _TYPES.items()
}
_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
}


def media_type_of(kind: str, name: str) -> str:
    """The media type of a format; one that isn't known is named by its kind."""
    return _TYPES[kind].get(name) or f"{kind}/{name}"


def format_of(kind: str, media_type: str | None) -> str | None:
    """The format of a media type; None where Converse has none."""
    if media_type is None:
        return None
    plain = media_type.partition(";")[0].strip().lower()
    found = _FORMATS[kind].get(_ALIASES.get(plain, plain))
    if found is None and plain.startswith(f"{kind}/") and kind in ("video", "audio"):
        return plain.partition("/")[2]
    return found
