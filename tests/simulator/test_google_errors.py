"""Google's errors have a code, a status in words, and details that say why."""

import msgspec
import pytest

from faregate.simulator.errors import ERRORS
from faregate.simulator.google_errors import GEMINI, VERTEX


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("voice", [GEMINI, VERTEX], ids=["gemini", "vertex"])
def test_errors(voice, name):
    failure = voice.failure(name, "m")
    error = msgspec.json.decode(failure.body)["error"]
    assert (error["code"], error["status"]) == (failure.status, voice.kinds[name].type)
    assert "{" not in error["message"]


def test_details():
    said = msgspec.json.decode(GEMINI.failure("auth").body)["error"]
    assert said["details"][0]["reason"] == "API_KEY_INVALID"
    quota = msgspec.json.decode(GEMINI.failure("quota").body)["error"]["details"]
    assert "PerDay" in quota[0]["violations"][0]["quotaId"]
    assert quota[1]["retryDelay"] == "86400s"
