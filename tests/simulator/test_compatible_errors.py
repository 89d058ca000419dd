"""Vendors of OpenAI's format word their errors in their own way."""

import pytest
from tests.simulator.asking import ask

from faregate.providers.refusals import classify
from faregate.simulator.compatible_errors import VOICES
from faregate.simulator.errors import ERRORS


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("vendor", VOICES)
def test_errors(vendor, name):
    body = {"model": f"sim:error={name}", "messages": [{"role": "user", "content": "x"}]}
    found = ask(f"/{vendor}/v1/chat/completions", body)
    kind = VOICES[vendor].kinds[name]
    assert found.status == kind.status
    assert found.body == VOICES[vendor].failure(name, body["model"]).body


def test_they_mean_what_they_are_called():
    for vendor, voice in VOICES.items():
        found = voice.failure("quota")
        meaning = classify(vendor, found.status, list(found.headers), found.body).meaning
        assert meaning == "payment_required"
