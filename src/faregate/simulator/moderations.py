"""OpenAI's moderations.

Nothing is flagged unless the script says finish=content_filter.

Source: OpenAI's API reference: Moderations.
"""

from typing import Any, Final

import msgspec

from faregate.simulator.answer import encode, identifier_of
from faregate.simulator.exchange import Exchange, Message
from faregate.simulator.replies import needs
from faregate.simulator.script import Script

MODEL_DEFAULT: Final = "omni-moderation-latest"
CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
    "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
FLAGGED: Final = "violence"


class Moderation(Exchange):
    """One call."""

    def __init__(self, model: str, asked: Any) -> None:
        self.model = model
        self._asked = asked

    def whole(self, script: Script) -> bytes:
        """The body of the answer."""
        listed = isinstance(self._asked, list)
        parts = listed and all(isinstance(part, dict) for part in self._asked)
        count = len(self._asked) if listed and not parts else 1
        flagged = script.finish == "content_filter"
        identifier = identifier_of(encode(self._asked), script.seed)
        rows = [_result(flagged=flagged)] * count
        return encode({"id": f"modr-{identifier}", "model": self.model, "results": rows})


def read_moderation(message: Message) -> Moderation:
    """A call; its model may be left out."""
    asked = msgspec.json.decode(message.body)
    model = asked.get("model") or MODEL_DEFAULT
    needs(model, "input", len(asked.get("input") or ""))
    return Moderation(model, asked["input"])


def _result(*, flagged: bool) -> dict[str, Any]:
    found = {name: flagged and name == FLAGGED for name in CATEGORIES}
    return {
        "flagged": flagged,
        "categories": found,
        "category_scores": {name: 0.99 if hit else 0.0001 for name, hit in found.items()},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }
