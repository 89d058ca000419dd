"""Reads members by either of the names that Google's JSON has for them.

A field is called by its name in the protocol buffer (inline_data) or by that in camel case
(inlineData). Only fields are: what callers name themselves (arguments, properties, labels) is
never touched.

Source: Protocol Buffers, "ProtoJSON format".
"""

import re
from functools import lru_cache
from typing import Final

from faregate.dialects.shapes import Object, ShapeError

_LETTER: Final = re.compile(r"_([a-z0-9])")
_NAME_CHARACTERS_MAX: Final = 64


@lru_cache(maxsize=512)
def _camel(name: str) -> str:
    return _LETTER.sub(lambda letter: letter.group(1).upper(), name)


def normal(members: Object) -> Object:
    """The object with its members in camel case; raises `ShapeError`."""
    for name in members:
        if "_" in name:
            break
    else:
        return members
    made: Object = {}
    for name, value in members.items():
        known = _camel(name) if len(name) <= _NAME_CHARACTERS_MAX else name
        if known in made:
            raise ShapeError(known, "it stands twice")
        made[known] = value
    return made
