"""What the audit log keeps of a thing: all but secrets.

Values are hidden by the name of their field, by their form, and where they are sealed. A name of
a variable of the environment, `${env:NAME}`, is no secret and stays.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from faregate.configuration.account_rules import is_secret_header
from faregate.configuration.amounts import amount_text
from faregate.configuration.references import SEALED, only_variables
from faregate.core.bounds import AUDIT_VALUE_BYTES_MAX

HIDDEN: Final = "[hidden]"

_SECRET_NAMES: Final = frozenset(
    {"secret", "secrets", "api_key", "password", "passphrase", "token", "credential"}
    | {"private_key", "secret_key", "signing_key", "authorization", "cookie", "hash"}
    | {"totp", "recovery_codes", "code_verifier", "redis_url", "otp"}
)
_SECRET_ENDS: Final = ("_secret", "_password", "_token", "_api_key", "_private_key", "_hash")
_KEY: Final = re.compile(
    r"\bfg[a-z]{0,4}_[0-9A-Za-z_-]{20,}"  # ours: callers' keys, tokens, sessions
    r"|\bwhsec_[0-9A-Za-z+/=_-]{16,}"
    r"|\b(?:sk|pk|rk)[-_][0-9A-Za-z_-]{16,}"
    r"|\bA[KS]IA[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{30,}"
    r"|\b(?:gsk|r8|hf|gh[opsur]|npm|github_pat)_[0-9A-Za-z_]{20,}"
    r"|\b(?:xai|pplx|nvapi|glpat)-[0-9A-Za-z_-]{16,}"
    r"|\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*"
    r"|(?i:\b(?:bearer|basic) )[0-9A-Za-z+/=._~-]{12,}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*@")


def redacted_json(value: Any) -> str | None:
    """`value` as sorted JSON without secrets; None stays None.

    What is longer than `AUDIT_VALUE_BYTES_MAX` is told by its size alone.
    """
    if value is None:
        return None
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,), order="deterministic")
    text = json.dumps(redacted(plain), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode("utf-8", "replace"))
    if size > AUDIT_VALUE_BYTES_MAX:
        return json.dumps({"left_out_bytes": size}, separators=(",", ":"))
    return redacted_text(text)


def redacted(value: Any, field: str = "", parent: str = "") -> Any:
    """Dicts, lists and texts with what is secret replaced."""
    if isinstance(value, Mapping):
        return {str(name): redacted(inner, str(name), field) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(inner, field, parent) for inner in value]
    if isinstance(value, Decimal):
        return amount_text(value)
    if value is None or isinstance(value, bool):
        return value
    if _hides(field, parent) and not (isinstance(value, str) and only_variables(value)):
        return HIDDEN if value != "" else ""
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """`text` without what has the form of a key, and fit for the database."""
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", SEALED.sub(HIDDEN, _KEY.sub(HIDDEN, text)))
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _hides(field: str, parent: str) -> bool:
    name = field.lower().replace("-", "_")
    if parent == "headers":
        return is_secret_header(field)
    return name in _SECRET_NAMES or name.endswith(_SECRET_ENDS)
