"""Output limits that stand inside another member of a request.

Gemini's stands in generationConfig, Ollama's in options. Members may have
several names. The body must be known to be one valid JSON object.
"""

from faregate.dialects import json_text


def set_limit(body: bytes, outer: tuple[str, ...], inner: tuple[str, ...], limit: int) -> bytes:
    """`body` with `limit`, by the name that it has or else the first."""
    value = b"%d" % limit
    whole = b'{"%b":%b}' % (inner[0].encode(), value)
    try:
        for name in outer:
            member = json_text.find_member(body, name)
            if member is None:
                continue
            held = body[member.value_start : member.end]
            changed = _within(held, inner, value) if held.startswith(b"{") else whole
            return json_text.replace_value(body, member, changed)
    except json_text.DuplicateMemberError:
        return body  # `twofold` has found it
    return json_text.insert_first(body, outer[0].encode(), whole)


def _within(held: bytes, inner: tuple[str, ...], value: bytes) -> bytes:
    for name in inner:
        member = json_text.find_member(held, name)
        if member is not None:
            return json_text.replace_value(held, member, value)
    return json_text.insert_first(held, inner[0].encode(), value)


def twofold(body: bytes, outer: tuple[str, ...], fields: tuple[tuple[str, ...], ...]) -> str | None:
    """A field that decides the price and stands twice, by any name."""
    if b"\\u00" not in body:
        names = (outer, *fields)
        if all(sum(body.count(b'"%b"' % one.encode()) for one in each) <= 1 for each in names):
            return None
    try:
        found = [one for name in outer if (one := json_text.find_member(body, name))]
        if len(found) > 1:
            return outer[0]
        for member in found:
            held = body[member.value_start : member.end]
            for spelled in fields if held.startswith(b"{") else ():
                if sum(json_text.find_member(held, name) is not None for name in spelled) > 1:
                    return f"{outer[0]}.{spelled[0]}"
    except json_text.DuplicateMemberError as error:
        return str(error)
    return None
