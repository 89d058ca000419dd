"""The gate knows where every dialect is spoken below a vendor's address."""

import pytest

from faregate.gate.operations import is_addressed, target_paths
from faregate.providers.vendors import DIALECTS, VENDORS

# What is reached in ways of its own.
OTHERWISE = {
    "openai_files", "openai_batches", "anthropic_batches", "openai_realtime", "gemini_live",
    "elevenlabs", "stability",
}  # fmt: skip
NAMES = sorted({name for names in DIALECTS.values() for name in names} - OTHERWISE)


@pytest.mark.parametrize("dialect", NAMES)
def test_every_dialect_has_its_address(dialect: str) -> None:
    assert is_addressed(dialect)
    for path in target_paths(dialect, "m", "openai"):
        assert path.startswith("/")
        assert not path.endswith("/")
        assert path.count("{model}") <= 1


def test_whole_replies_and_streams_may_have_two_addresses() -> None:
    whole, streamed = target_paths("gemini", "m", "gemini")
    assert (whole, streamed) == (
        "/models/{model}:generateContent",
        "/models/{model}:streamGenerateContent?alt=sse",
    )
    whole, streamed = target_paths("openai_chat", "m", "openai")
    assert whole == streamed == "/chat/completions"


def test_what_nobody_speaks_has_none() -> None:
    assert not is_addressed("morse")
    assert target_paths("morse", "m", "openai") == ("", "")
    spoken = {d for row in VENDORS.values() for names in row.dialects.values() for d in names}
    assert {name for name in spoken if not is_addressed(name)} <= OTHERWISE
