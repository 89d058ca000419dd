"""A vendor's refusal of a script, in the shape that it sends.

A specimen has no more than its rule looks at; the voice of its vendor adds the rest. At another
vendor's address it is sent as it is.
"""

from typing import Any, Final

import msgspec

from faregate.providers.rules import HEADER_PREFIX, Rule
from faregate.providers.specimens import Specimen, specimen
from faregate.simulator.errors import Failure, Headers, Voice

KINDS: Final = {
    "payment_required": "quota",
    "auth": "auth",
    "permission": "permission",
    "rate_limited": "rate_limit",
    "quota_exhausted": "rate_limit",
    "overloaded": "overloaded",
    "invalid_request": "invalid_request",
    "context_length": "context_length",
    "content_refused": "content_policy",
}


def refusal_of(rule: Rule, voice: Voice, model: str, wait: int | None) -> Failure:
    """The refusal that `rule` is about."""
    made = specimen(rule)
    headers = dict(made.headers)
    if wait is not None:
        headers["retry-after"] = str(wait)
    if rule.provider != voice.vendor:
        fields = (("content-type", "application/json"), *headers.items())
        return Failure(made.status, fields, made.body)
    return _shaped(rule, made, voice, model, headers)


def _shaped(
    rule: Rule, made: Specimen, voice: Voice, model: str, headers: dict[str, str]
) -> Failure:
    kind = voice.kinds[KINDS[rule.meaning]]
    kind = msgspec.structs.replace(
        kind,
        status=made.status,
        message=kind.message.replace("{model}", model).replace("{wait}", "20"),
    )
    document = msgspec.json.decode(voice.write(kind))
    if any(not clause.path.startswith(HEADER_PREFIX) for clause in rule.match):
        document = _merged(document, msgspec.json.decode(made.body))
    fields: Headers = (("content-type", "application/json"), *voice.headers(kind))
    if "__type" in document:
        fields = tuple(field for field in fields if field[0] != "x-amzn-errortype")
        fields = (*fields, ("x-amzn-errortype", document["__type"]))
    fields = tuple(field for field in fields if field[0] not in headers)  # the rule's own count
    return Failure(made.status, (*fields, *headers.items()), msgspec.json.encode(document))


def _merged(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return {**base, **{name: _merged(base.get(name), value) for name, value in over.items()}}
