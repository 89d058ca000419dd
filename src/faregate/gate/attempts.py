"""A failed attempt: what the caller will be told, or who is asked next."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final

import msgspec

from faregate.core.refusals import Refusal
from faregate.dialects.translation import Lost
from faregate.gate.choosing import Send, course_of, refuse_lost, send
from faregate.routing.course import GiveUp, Next
from faregate.routing.targets import Choice, record
from faregate.routing.troubles import Trouble
from faregate.wire.reply_reader import ReplyHead

if TYPE_CHECKING:
    from faregate.gate.relay import Relay

# A body of the provider's that goes to the caller as it is, in the provider's words.
Passed = tuple[ReplyHead, bytes]
_ATTEMPTS_NAMED_MAX: Final = 8


def attempt_failed(call: "Relay", trouble: Trouble, answer: Refusal | Passed) -> None:
    """Go on to what is next, or answer the caller.

    Nothing of a reply may have gone to the caller yet.
    """
    choice, step = call.choice, call.plan.body_steps[-1]
    assert choice is not None
    call.answers += ((trouble, answer),)
    if not isinstance(step, Send):
        _give_up(call, answer)
        return
    following = course_of(call, step.choose, choice).failed(choice, trouble, call.gate.now())
    _go_on(call, step, following)


def attempt_broken(call: "Relay", trouble: Trouble) -> None:
    """An attempt failed after a part of its reply has gone.

    Nothing else is tried.
    """
    if call.choice is not None:
        record(call.choice, trouble, call.gate.now())


def _go_on(call: "Relay", step: Send, following: Next | GiveUp) -> None:
    while True:
        if isinstance(following, GiveUp):
            _give_up(call, _told(call, following))
            return
        if following.wait_s:
            _later(call, step, following.wait_s)
            return
        call.begin_attempt()
        choice = following.choice
        outcome = step.choose.prepare(call, choice)
        if outcome is None:
            _send_again(call)
            return
        if isinstance(outcome, Refusal):
            _give_up(call, outcome)
            return
        following = _unsupported(call, step, choice, outcome)


def _unsupported(call: "Relay", step: Send, choice: Choice, lost: Lost) -> Next | GiveUp:
    trouble = Trouble("unsupported", "request", detail=lost.why)
    call.answers += ((trouble, refuse_lost(call, lost)),)
    return course_of(call, step.choose, choice).failed(choice, trouble, call.gate.now())


def _later(call: "Relay", step: Send, wait_s: float) -> None:
    """Wait, then ask what is next by then."""

    async def wait() -> None:
        await asyncio.sleep(wait_s)
        if not call.ended:
            assert call.course is not None
            _go_on(call, step, call.course.resume(call.gate.now()))

    call.start_task(wait())


def _send_again(call: "Relay") -> None:
    outcome = send(call)
    if isinstance(outcome, Refusal):
        _give_up(call, outcome)
    elif isinstance(outcome, Awaitable):
        call.start_task(_awaited(call, outcome))


async def _awaited(call: "Relay", outcome: Awaitable[Refusal | None]) -> None:
    refusal = await outcome
    if refusal is not None and not call.ended:
        call.refuse(refusal)


def _told(call: "Relay", given_up: GiveUp) -> Refusal | Passed:
    """The answer of the trouble that a caller is best told."""
    answer: Refusal | Passed | None = None
    for trouble, one in call.answers:
        if trouble is given_up.trouble:
            answer = one  # type: ignore[assignment]
    assert answer is not None
    others = [each for _, each in given_up.troubles if each is not given_up.trouble]
    if isinstance(answer, Refusal) and others:
        names = [f"{choice.target.name}: {trouble.kind}" for choice, trouble in given_up.troubles]
        tried = ", ".join(names[:_ATTEMPTS_NAMED_MAX])
        detail = f"{answer.detail} All that was tried: {tried}."
        return msgspec.structs.replace(answer, detail=detail)
    return answer


def _give_up(call: "Relay", answer: Refusal | Passed) -> None:
    if isinstance(answer, Refusal):
        call.refuse(answer)
    else:
        call.pass_on(*answer)
