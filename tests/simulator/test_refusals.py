"""A refusal has its vendor's shape at its vendor's address, and means what it is called."""

import msgspec
import pytest

from faregate.providers.refusals import classify
from faregate.providers.rules import all_rules
from faregate.simulator.anthropic import ANTHROPIC
from faregate.simulator.audio import ELEVENLABS
from faregate.simulator.bedrock import BEDROCK
from faregate.simulator.cohere import COHERE
from faregate.simulator.compatible_errors import MISTRAL, OPENROUTER
from faregate.simulator.errors import AZURE, OPENAI
from faregate.simulator.google_errors import GEMINI
from faregate.simulator.pictures import STABILITY
from faregate.simulator.refusals import refusal_of

VOICES = (ANTHROPIC, AZURE, BEDROCK, COHERE, ELEVENLABS, GEMINI, MISTRAL, OPENAI, OPENROUTER,
          STABILITY)  # fmt: skip
ROWS = [
    (voice, numbered.rule)
    for voice in VOICES
    for numbered in all_rules()
    if numbered.rule.provider == voice.vendor
]


@pytest.mark.parametrize(("voice", "rule"), ROWS, ids=lambda part: None)
def test_refusals_mean_what_they_are_called(voice, rule):
    made = refusal_of(rule, voice, "m", None)
    found = classify(voice.vendor, made.status, list(made.headers), made.body)
    assert (rule.meaning, made.status) == (found.meaning, made.status)


def test_they_have_their_vendors_shape():
    rules = {(rule.provider, rule.meaning): rule for _, rule in reversed(ROWS)}
    said = refusal_of(rules["anthropic", "payment_required"], ANTHROPIC, "m", 3)
    assert msgspec.json.decode(said.body)["type"] == "error"
    assert ("retry-after", "3") in said.headers
    said = refusal_of(rules["bedrock", "permission"], BEDROCK, "m", None)
    assert set(msgspec.json.decode(said.body)) == {"message"}
    assert dict(said.headers)["x-amzn-errortype"] == "AccessDeniedException"


def test_at_another_address_they_are_as_they_are():
    rule = next(rule for voice, rule in ROWS if voice is ANTHROPIC)
    assert b"request_id" not in refusal_of(rule, OPENAI, "m", None).body
