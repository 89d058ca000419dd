"""Tables and code in Markdown, for the generated pages."""

from collections.abc import Sequence

NOTICE = "<!-- This file is written by `make docs`; change its source instead. -->"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )


def code(text: str) -> str:
    """`text` as code, in as many marks as it needs."""
    return f"``{text}``" if "`" in text else f"`{text}`"
