"""A session is opened without a body."""

from faregate.dialects.realtime.native import NATIVE


def test_nothing_is_rewritten() -> None:
    assert NATIVE.splice_model(b"", "asked", "served") == b""
    assert NATIVE.set_output_limit(b"", 5, "max_tokens") == b""
    assert NATIVE.ask_stream_usage(b"") == b""
