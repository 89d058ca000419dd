"""What is spoken and heard is a value."""

from faregate.dialects.audio.neutral import SpeechRequest, Transcript, TranscriptionRequest


def test_little_must_be_said() -> None:
    assert SpeechRequest(model="m", origin="x", text="a", voice="v").format == "mp3"
    assert TranscriptionRequest(model="m", origin="x", audio=b"").format == "json"
    assert Transcript(text="a").segments == ()
