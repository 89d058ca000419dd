"""Keys: where vendors take them, which are good, which bring scripts.

A key that begins with `sk-sim:` brings its own script and is always taken; so is one that a
test gave a script. For AWS a key is `ID:SECRET`, and the signature is verified.
"""

from datetime import UTC, datetime
from typing import Final

from faregate.simulator.errors import OPENAI, Failure, RefusedError, Voice, invalid_request
from faregate.simulator.exchange import Message, Scheme
from faregate.simulator.script import PLAIN, Script, ScriptError, parse_script
from faregate.simulator.sigv4 import access_key, verify

SCRIPTED_PREFIX: Final = "sk-sim:"
# The secret of an access key id that brings its own script.
SCRIPTED_SECRET: Final = "secret"  # noqa: S105 - known to every test
SCRIPTED_KEYS_MAX: Final = 10_000
# Begins the access tokens that the simulator itself gives at /token.
TOKEN_PREFIX: Final = "ya29.sim-"  # noqa: S105 - no secret of anyone
_TAKEN: Final = (SCRIPTED_PREFIX, TOKEN_PREFIX)

_HEADERS: Final[dict[Scheme, tuple[str, ...]]] = {
    "x-api-key": ("x-api-key",),
    "bearer": ("api-key",),  # Azure's
    "google": ("x-goog-api-key",),
    "xi-api-key": ("xi-api-key",),
    "any": ("x-api-key", "x-goog-api-key", "api-key"),
}
_NO_KEY: Final = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)


def shown_key(scheme: Scheme, message: Message) -> str | None:
    """The key that a request shows, or None."""
    for name in _HEADERS.get(scheme, ()):
        if name in message.headers:
            return message.headers[name]
    if scheme in ("google", "any") and "key" in message.query:
        return message.query["key"]
    authorization = message.headers.get("authorization", "")
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip()
    return access_key(authorization) if scheme == "aws" else None


class Keys:
    """The keys that are taken: `key` alone, or every one where it is None."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._scripts: dict[str, str] = {}

    def give_script(self, key: str, script: str | None) -> None:
        """Answer every call with `key` by `script`; None repairs the key.

        Raises `ScriptError`.
        """
        if script is None:
            self._scripts.pop(key, None)
            return
        if parse_script(script).early:
            raise ScriptError("early works only in the header X-Simulate: a key comes with others.")
        if len(self._scripts) >= SCRIPTED_KEYS_MAX:
            raise ScriptError(f"At most {SCRIPTED_KEYS_MAX} keys have scripts.")
        self._scripts[key] = script

    def script(self, key: str | None) -> tuple[Script, str]:
        """The script that a key brings, and its text."""
        if key is None:
            return PLAIN, ""
        text = self._scripts.get(key)
        if text is None:
            # An access key id stands for its ID:SECRET.
            named = (s for k, s in self._scripts.items() if k.startswith(f"{key}:"))
            text = next(named, None)
        if text is None and key.startswith(SCRIPTED_PREFIX):
            text = key.removeprefix(SCRIPTED_PREFIX)
        return (PLAIN, "") if text is None else (parse_script(text), text)

    def refuse(self, scheme: Scheme, voice: Voice, message: Message, target: str) -> Failure | None:
        """The answer to a call without the right key."""
        if scheme == "none":
            return None
        key = shown_key(scheme, message)
        authorization = message.headers.get("authorization", "")
        if scheme == "aws" and authorization[:7].lower() != "bearer ":
            return self._refuse_signature(voice, message, target, key)
        if self._key is None or key == self._key:
            return None
        if key is not None and (key.startswith(_TAKEN) or key in self._scripts):
            return None
        if voice is not OPENAI:
            return voice.failure("auth")
        if key is None:
            return Failure(401, (("content-type", "application/json"),), invalid_request(_NO_KEY))
        masked = "*" * max(0, len(key) - 4) + key[-4:] if len(key) > 8 else "*" * len(key)
        words = f"Incorrect API key provided: {masked}."
        return voice.refusal(RefusedError(words, "auth", code="invalid_api_key"))

    def _refuse_signature(
        self, voice: Voice, message: Message, target: str, key: str | None
    ) -> Failure | None:
        if self._key is None and (key is None or self._secret(key) is None):
            return None
        try:
            now = datetime.now(UTC)
            verify(message.method, target, message.headers, message.body, self._secret, now)
        except RefusedError as refused:
            return voice.refusal(refused)
        return None

    def _secret(self, key: str) -> str | None:
        for known in (self._key, *self._scripts):
            if known is not None and known.startswith(f"{key}:"):
                return known[len(key) + 1 :]
        return SCRIPTED_SECRET if key.startswith(SCRIPTED_PREFIX) else None
