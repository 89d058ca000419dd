"""Settings have safe defaults, and their bounds hold."""

import msgspec
import pytest

from faregate.configuration.settings import Settings


def test_defaults() -> None:
    settings = Settings()
    assert (settings.gate.host, settings.gate.port) == ("127.0.0.1", 8402)
    assert settings.operations.host == "127.0.0.1"
    assert settings.journal.bodies == "off"
    assert settings.journal.when_full == "refuse"


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("gate", "port", -1),
        ("gate", "port", 65_536),
        ("gate", "workers", 0),
        ("gate", "workers", 65),
        ("gate", "body_bytes_max", 0),
        ("gate", "body_bytes_max", 2**40),
        ("gate", "drain_timeout_s", 0.0),
        ("gate", "drain_timeout_s", 86_401.0),
        ("journal", "sync", "never"),
        ("calls", "keep_days", 0),
        ("calls", "other", 0),
    ],
)
def test_bounds(section: str, field: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({section: {field: value}}, Settings)
