"""Lines of a reply that tell what was dropped, and what was tried."""

from typing import TYPE_CHECKING, Final

from faregate.identity.operator import is_operator

if TYPE_CHECKING:
    from faregate.gate.state import CallState

_NAMES_MAX: Final = 32


def told_lines(call: "CallState") -> bytes:
    """What was left out of the request.

    For the operator the attempts so far as well.
    """
    lines = b""
    if call.dropped:
        names = ", ".join(call.dropped[:_NAMES_MAX])
        lines += f"faregate-dropped: {_plain(names)}\r\n".encode()
    if call.gate.attempts_told and tells_attempts(call):
        tried = attempts_text(call)
        if call.choice is not None:
            choice = call.choice
            ok = f"{choice.target.name} {choice.target.account.name}/{choice.key.name} ok"
            tried = f"{tried}; {_plain(ok)}" if tried else _plain(ok)
        lines += f"faregate-attempts: {tried}\r\n".encode()
    return lines


def attempts_text(call: "CallState") -> str:
    """The attempts that have ended, as the field tells them."""
    return _plain(
        "; ".join(
            f"{one.model or one.upstream_model} {one.provider}/{one.key} {one.status} {one.result}"
            f" {(one.ended_us - one.begun_us) // 1000}ms"
            for one in call.attempts
        )
    )


def tells_attempts(call: "CallState") -> bool:
    """Whether this caller is told the attempts.

    All, or who shows the operator's token.
    """
    if call.gate.attempts_told == "all":
        return True
    shown = call.head.fields.get(b"faregate-operator")
    known = call.gate.explaining.operator_hash
    return shown is not None and is_operator(shown.decode("latin-1"), known)


def _plain(text: str) -> str:
    return "".join(one if 0x20 <= ord(one) < 0x7F else "?" for one in text)
