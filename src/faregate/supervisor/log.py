"""One line an event on standard error: time, level, event, fields."""

import datetime as dt
import json
import sys
from typing import Final, Literal

Level = Literal["info", "warning", "error"]

_ORDER: Final[tuple[Level, ...]] = ("info", "warning", "error")


def _text(value: object) -> str:
    text = str(value)
    plain = text and text.isprintable() and not any(mark in text for mark in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


def line(level: Level, event: str, fields: dict[str, object], now: dt.datetime) -> str:
    """Such as 2026-01-31T12:00:00.123Z info gate.started worker=0 pid=4711"""
    when = now.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = [f"{name}={_text(value)}" for name, value in fields.items() if value is not None]
    return " ".join([when, level, event, *pairs])


class EventLog:
    """Writes events of level `least` and above."""

    def __init__(self, least: Level = "info") -> None:
        self._levels = _ORDER[_ORDER.index(least) :]

    def __call__(self, level: Level, name: str, **fields: object) -> None:
        """Write one event; fields of None are left out."""
        if level not in self._levels:
            return
        try:
            print(line(level, name, fields, dt.datetime.now(dt.UTC)), file=sys.stderr, flush=True)
        except (OSError, ValueError):
            return  # a standard error that is gone must not end the service
