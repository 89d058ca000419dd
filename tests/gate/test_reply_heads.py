"""A head of ours says what the reply is, how it is framed, and whose call it was."""

from faregate.gate.reply_heads import own_head


def test_a_whole_reply_has_a_length() -> None:
    head = own_head(
        200, "application/json", "call_1", chunked=False, closes=False, length=7, extra=b"a: b\r\n"
    )
    assert head == (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n"
        b"faregate-call-id: call_1\r\na: b\r\n\r\n"
    )


def test_a_stream_is_chunked_or_ends_with_the_connection() -> None:
    chunked = own_head(
        200, "text/event-stream", "c", chunked=True, closes=False, length=None, extra=b""
    )
    assert b"transfer-encoding: chunked\r\n" in chunked
    closing = own_head(
        200, "text/event-stream", "c", chunked=False, closes=True, length=None, extra=b""
    )
    assert b"connection: close\r\n" in closing
    assert b"content-length" not in closing
