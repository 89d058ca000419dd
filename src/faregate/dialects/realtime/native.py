"""Opens a session: there is no body in which anything is rewritten."""

from typing import Final

from faregate.core.refusals import Refusal
from faregate.dialects.plain_native import PlainNative
from faregate.dialects.plain_usage import read_usage, read_usage_in_part


class SessionNative(PlainNative):
    """As other operations, but that the model isn't named in the body."""

    @staticmethod
    def splice_model(body: bytes, asked: str, served: str) -> bytes | Refusal:
        """The body as it is."""
        return body


NATIVE: Final = SessionNative(read_usage=read_usage, read_usage_in_part=read_usage_in_part)
