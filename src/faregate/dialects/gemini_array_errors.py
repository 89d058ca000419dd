"""Renders a refusal for Gemini's streams that are one JSON array.

Only the end of a stream that has begun differs from `gemini_errors`.
"""

from faregate.core.refusals import Refusal
from faregate.dialects import gemini_errors
from faregate.dialects.gemini_errors import render as render


def render_event(refusal: Refusal, call_id: str) -> bytes:
    """The refusal as the last element of the array."""
    return b",\r\n%b]" % gemini_errors.render(refusal, call_id)[1]
