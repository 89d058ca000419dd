"""A reply and the stream of it say the same."""

from hypothesis import given
from tests.dialects.neutral_forms import assembled, replies, stream_of

from faregate.dialects.neutral.reply import Reply


@given(replies(thinking=True))
def test_a_stream_adds_up_to_its_reply(reply: Reply):
    assert assembled(stream_of(reply)) == reply
