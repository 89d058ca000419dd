"""Versions of things.

Entity tags (RFC 9110, 8.8.3), If-Match, merge patches (RFC 7396).
"""

from typing import Any, TypeVar

import msgspec

from faregate.control.problems import FieldError, ProblemError

S = TypeVar("S", bound=msgspec.Struct)


def etag(version: int | str) -> str:
    """The strong entity tag of a version."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> str | None:
    """The version that If-Match names; None for `*`. Raises `ProblemError`.

    Without the field it is 428: two who change the same thing must not lose the other's change.
    """
    if if_match is None:
        raise ProblemError(
            428,
            "version_required",
            "A change needs the field If-Match with the ETag of what you saw.",
            fix="read it, and send its ETag as If-Match; 'If-Match: *' means whatever is there",
        )
    if if_match.strip() == "*":
        return None
    tag = if_match.strip()
    if len(tag) < 3 or not (tag.startswith('"') and tag.endswith('"')) or "," in tag:
        raise ProblemError(
            400,
            "version_invalid",
            "If-Match must be one strong entity tag.",
            errors=(FieldError("If-Match", "it is not an entity tag", 'send it as "12"'),),
        )
    return tag[1:-1]


def merge(target: Any, patch: Any) -> Any:
    """`target` with the merge patch applied (RFC 7396, section 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def patched(item: S, patch: dict[str, Any]) -> S:
    """`item` with the patch applied, checked anew. Raises `ProblemError`."""
    tree = merge(msgspec.to_builtins(item, builtin_types=()), patch)
    try:
        return msgspec.convert(tree, type(item), strict=True)
    except msgspec.ValidationError as error:
        raise unreadable(error) from None


def unreadable(error: msgspec.DecodeError) -> ProblemError:
    """The problem of a body that is JSON of another shape, or no JSON."""
    text = str(error)
    message, at, path = text.partition(" - at `")
    field = path.removesuffix("`").removeprefix("$").removeprefix(".") if at else ""
    if isinstance(error, msgspec.ValidationError):
        return ProblemError(
            422,
            "invalid",
            f"{field or 'the body'}: {message}",
            errors=(FieldError(field, message),),
        )
    return ProblemError(400, "body_unreadable", f"The body is not JSON: {message}.")
