"""Tools as coding agents declare them: many, with long descriptions and large schemas."""

from typing import Any, Final

PNG: Final = (  # one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYPhfDwAChwGA60e6"
    "kgAAAABJRU5ErkJggg=="
)
NAMES: Final = (
    "Read", "Write", "Edit", "MultiEdit", "Bash", "BashOutput", "KillShell", "Glob", "Grep",
    "Task", "TodoWrite", "WebFetch", "NotebookEdit", "ExitPlanMode", "mcp__tracker__find_issue",
)  # fmt: skip
_RULES: Final = "\n".join(
    f"- Rule {number}: say what is done, and don't do what wasn't asked for."
    for number in range(40)
)


def schema(name: str) -> dict[str, Any]:
    """Large, nested, with what JSON Schema has beyond types."""
    change = {
        "type": "object",
        "properties": {
            "old_string": {"type": "string", "description": "What stands there."},
            "new_string": {"type": "string", "description": "What shall stand there."},
            "replace_all": {"type": "boolean", "default": False},
        },
        "required": ["old_string", "new_string"],
        "additionalProperties": False,
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": f"The file that {name} is for."},
            "offset": {"type": "integer", "minimum": 0, "exclusiveMaximum": 1_000_000},
            "mode": {"type": "string", "enum": ["content", "files_with_matches", "count"]},
            "edits": {"type": "array", "items": change, "minItems": 1},
            "url": {"type": "string", "format": "uri"},
            "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "pattern": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 200},
        },
        "required": ["file_path"],
        "additionalProperties": False,
    }


def described(name: str) -> str:
    """A description of kilobytes."""
    return f"{name} works on files.\n\nUsage:\n{_RULES}"
