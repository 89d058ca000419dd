"""The result of a tool that failed, for dialects that have no mark of it.

It is told as {"error": text}, as Google proposes for the results of functions; a reader knows it
again.
"""

import msgspec


def written(text: str) -> str:
    """The result that tells of an error."""
    return msgspec.json.encode({"error": text}).decode()


def read(text: str) -> str | None:
    """What the error was; None where the result tells of none."""
    if not text.startswith('{"error":'):
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if isinstance(found, dict) and found.keys() == {"error"} and isinstance(found["error"], str):
        return found["error"]
    return None
