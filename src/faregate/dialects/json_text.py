"""Changes members of a JSON object in its text, and no other byte.

The text must already be known to be one valid JSON object (msgspec has decoded it).
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

_STRING: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN: Final = re.compile(_STRING + rb"|[{}\[\]]", re.S)
_NAME: Final = re.compile(rb"[ \t\r\n,{]*(" + _STRING + rb")[ \t\r\n]*:[ \t\r\n]*", re.S)
_SCALAR: Final = re.compile(rb"[^ \t\r\n,}\]]+")


class DuplicateMemberError(Exception):
    """A name stands twice in one object: readers disagree which counts."""


class Member(NamedTuple):
    """Where a member stands: its name's quote, its value, the byte behind."""

    start: int
    value_start: int
    end: int


def find_member(text: bytes, name: str) -> Member | None:
    """The top-level member of this name, with whatever escapes written.

    Raises `DuplicateMemberError`, also where a second name differs in the case of its letters
    alone: some readers take both for the same, and then it is theirs that counts.
    """
    found = None
    others = False
    plain = b'"%b"' % name.encode()
    for member_name, member in _members(text):
        if member_name == plain:
            spelled: str | None = name
        elif b"\\" in member_name or member_name.lower() == plain:
            spelled = _spelled(member_name)
        else:
            continue
        if spelled == name:
            if found is not None:
                raise DuplicateMemberError(name)
            found = member
        elif spelled is not None and spelled.lower() == name:
            others = True
    if found is not None and others:
        raise DuplicateMemberError(name)
    return found


def _members(text: bytes) -> Iterator[tuple[bytes, Member]]:
    at = text.index(b"{")
    while match := _NAME.match(text, at):
        end = _value_end(text, match.end())
        yield match.group(1), Member(match.start(1), match.end(), end)
        at = end


def _spelled(quoted: bytes) -> str | None:
    try:
        return msgspec.json.decode(quoted, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # msgspec passes over names that it isn't asked for, whatever bytes they are


def _value_end(text: bytes, start: int) -> int:
    first = text[start : start + 1]
    if first not in b'"{[':
        scalar = _SCALAR.match(text, start)
        return scalar.end() if scalar else start
    depth = 0
    for token in _TOKEN.finditer(text, start):
        mark = token.group()
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
        if depth == 0:
            return token.end()
    return len(text)


def replace_value(text: bytes, member: Member, value: bytes) -> bytes:
    """`text` with another value, itself JSON, for `member`."""
    return text[: member.value_start] + value + text[member.end :]


def insert_first(text: bytes, name: bytes, value: bytes) -> bytes:
    """`text` with one more member in front; `name` needs no escapes."""
    at = text.index(b"{") + 1
    empty = text[at:].lstrip(b" \t\r\n").startswith(b"}")
    return b'%b"%b":%b%b%b' % (text[:at], name, value, b"" if empty else b",", text[at:])


def remove_member(text: bytes, member: Member) -> bytes:
    """`text` without `member` and the comma that belonged to it."""
    before = text[: member.start].rstrip(b" \t\r\n")
    after = text[member.end :]
    if before.endswith(b","):
        return before[:-1] + after
    rest = after.lstrip(b" \t\r\n")
    if rest.startswith(b","):
        return text[: member.start] + rest[1:].lstrip(b" \t\r\n")
    return text[: member.start] + after
