"""What is said to a client that is too slow, or sends too much."""

from faregate.core.refusals import Refusal, refuse


def too_slow(part: str, seconds: float) -> Refusal:
    """The refusal of a request whose `part` has not come in that time."""
    detail = f"The {part} of the request did not arrive in time ({seconds:g} s)."
    return refuse("request_timeout", detail)


def too_large(limit: int) -> Refusal:
    """The refusal of a body of more than `limit` bytes."""
    return refuse("body_too_large", f"A body may have {limit} bytes here.", limit=limit)
