"""The second factor: codes by time (RFC 6238), each accepted once.

Thirty seconds a step, six digits, SHA-1: what every authenticator application takes. A code of
the step before or after is accepted for clocks that are a little off.
"""

import hmac
import re
from typing import Final

import pyotp

STEP_S: Final = 30
STEPS_AROUND: Final = 1
RECOVERY_CODES: Final = 10
_ISSUER: Final = "Faregate"
_NS: Final = 1_000_000_000


def new_factor_secret() -> str:
    """A new shared secret, 160 bits in base32."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, email: str) -> str:
    """What an authenticator application reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=email, issuer_name=_ISSUER)


def accepted_step(secret: str, code: str, now_ns: int, last_step: int | None) -> int | None:
    """The step whose code this is, if it may be accepted; None otherwise.

    `last_step` is the step that was accepted last: no code of it or before it is accepted again.
    """
    digits = re.sub(r"\s", "", code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    generator = pyotp.TOTP(secret, interval=STEP_S)
    now = now_ns // (STEP_S * _NS)
    found = None
    for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
        # All are compared, so that time doesn't tell which of them it was.
        if hmac.compare_digest(generator.generate_otp(step), digits):
            found = step
    if found is None or (last_step is not None and found <= last_step):
        return None
    return found
