"""Refusals as callers see them: typed, from any exception or reply.

A program that calls through Faregate with a vendor's SDK gets that SDK's exceptions. What they
hold of a refusal, and where, differs; `Refusal.from_exception` finds it, without importing any
SDK. What isn't a refusal of Faregate's, such as a provider's own words, gives None.
"""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from faregate.client.evidence import Evidence, chain, evidence_of, parsed
from faregate.core.refusals import KINDS, PAYABLE_KINDS, RETRY_SOON_S, Change, Fix, Kind

__all__ = ["Change", "Fix", "Refusal"]

_MONEY_SCOPE = "budget"  # the scope whose `limit` and `used` are amounts


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a call was not served, and the way out.

    Money is dollars as `Decimal`; `limit` and `used` are counts, or dollars where `scope` is a
    budget. `retry_after_s` is whole seconds. `complete` is false where no more than the code came
    through: some streams and SDKs carry a text alone.
    """

    code: str
    status: int
    side: str
    title: str
    detail: str
    retryable: bool
    scope: str = "request"
    subject: str | None = None
    param: str | None = None
    retry_after_s: int | None = None
    needed: Decimal | None = None
    available: Decimal | None = None
    held: Decimal | None = None
    limit: int | Decimal | None = None
    used: int | Decimal | None = None
    resets_at: dt.datetime | None = None
    affordable_max_tokens: int | None = None
    fixes: tuple[Fix, ...] = ()
    call_id: str | None = None
    complete: bool = True

    @property
    def should_retry(self) -> bool:
        """Whether the same call, sent again by a program, can pass soon."""
        if not self.retryable:
            return False
        return self.retry_after_s is None or self.retry_after_s <= RETRY_SOON_S

    @property
    def payment_url(self) -> str | None:
        """The page to pay on, where there is one."""
        pages = [fix for fix in self.fixes if fix.url is not None]
        paying = [f for f in pages if f.change is not None and f.change.kind in ("top_up", "raise")]
        return (paying or pages)[0].url if pages else None

    def __str__(self) -> str:
        fix = f" {self.fixes[0].text}" if self.fixes else ""
        return f"{self.status} {self.code}: {self.detail}{fix}"

    @classmethod
    def from_exception(cls, error: BaseException) -> "Refusal | None":
        """The refusal behind an exception of any SDK.

        None where it isn't Faregate's.

        What caused the exception is looked at too, so that wrappers don't matter. A response
        whose body was not read stays unread.
        """
        known = (getattr(one, "refusal", None) for one in chain(error))
        if read := next((one for one in known if isinstance(one, cls)), None):
            return read
        partial = None
        for evidence in evidence_of(error):
            found = _found(cls, evidence)
            if found is not None and found.complete:
                return found
            partial = partial or found
        return partial

    @classmethod
    def from_response(
        cls, status: int, headers: Mapping[str, str], body: bytes | str
    ) -> "Refusal | None":
        """The refusal in a reply; None where it isn't one of Faregate's."""
        return _found(cls, Evidence(parsed(body), status, headers))

    @classmethod
    def from_event(cls, event: Any) -> "Refusal | None":
        """The refusal in an event or chunk of a stream; None where there is none.

        `event` is an SDK's object, a dict, or the text of the event's data. A stream whose credit
        ended says so in its last chunk, which is no error.
        """
        if isinstance(event, (bytes, str)):
            tree = parsed(event)
        elif isinstance(event, Mapping):
            tree = event
        else:
            dump = getattr(event, "model_dump", None) or getattr(event, "dict", None)
            tree = dump() if callable(dump) else None
        return _found(cls, Evidence(tree, None, {}))


def _found(cls: type[Refusal], evidence: Evidence) -> Refusal | None:
    tree = evidence.tree
    if isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]  # Gemini's streams are arrays
    if isinstance(tree, Mapping):
        for members in _candidates(tree):
            if _is_refusal(members):
                return _from_members(cls, members)
        google = tree.get("error")
        if isinstance(google, Mapping) and (found := _from_google(cls, google)):
            return found
    return _from_text(cls, evidence)


def _candidates(tree: Mapping[str, Any]) -> "list[Mapping[str, Any]]":
    """Where each dialect puts the members."""
    error, own = tree.get("error"), tree.get("faregate")
    places = [
        tree,
        tree.get("details"),
        error.get("details") if isinstance(error, Mapping) else None,
        own.get("refusal") if isinstance(own, Mapping) else None,
    ]
    return [place for place in places if isinstance(place, Mapping)]


def _is_refusal(members: Mapping[str, Any]) -> bool:
    return all(isinstance(members.get(name), str) for name in ("code", "side", "call_id", "title"))


def _from_members(cls: type[Refusal], members: Mapping[str, Any]) -> Refusal:
    money = members.get("scope") == _MONEY_SCOPE
    return cls(
        code=members["code"],
        status=_whole(members.get("status")) or 0,
        side=members["side"],
        title=members["title"],
        detail=str(members.get("detail", "")),
        retryable=bool(members.get("retryable")),
        scope=str(members.get("scope", "request")),
        subject=members.get("subject"),
        param=members.get("param"),
        retry_after_s=_whole(members.get("retry_after_s")),
        needed=_amount(members.get("needed")),
        available=_amount(members.get("available")),
        held=_amount(members.get("held")),
        limit=_amount(members.get("limit")) if money else _whole(members.get("limit")),
        used=_amount(members.get("used")) if money else _whole(members.get("used")),
        resets_at=_moment(members.get("resets_at")),
        affordable_max_tokens=_whole(members.get("affordable_max_tokens")),
        fixes=_fixes(members.get("fixes")),
        call_id=members["call_id"],
    )


def _from_google(cls: type[Refusal], error: Mapping[str, Any]) -> Refusal | None:
    """From Google's shape: a code as `reason`, the facts as texts."""
    details = error.get("details")
    parts = (
        [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    )
    info = next((one for one in parts if one.get("domain") == "faregate"), None)
    if info is None:
        return None
    status = _whole(error.get("code")) or 0
    code = str(info.get("reason", "")).lower()
    kind = _kind(code, status)
    text = str(error.get("message", ""))
    members: dict[str, Any] = {"title": "", "retryable": False, **dict(info.get("metadata") or {})}
    members |= {"code": code, "status": status, "detail": text}
    if kind is not None:
        members |= {"title": kind.title, "retryable": kind.retryable}
        members["detail"] = text.removeprefix(f"{kind.title}. ")
    fixes: list[Any] = []
    for one in parts:
        delay = one.get("retryDelay")
        if isinstance(delay, str):
            members["retry_after_s"] = delay.removesuffix("s")
        fixes += [
            {"text": str(link.get("description", "")), "url": link.get("url")}
            for link in one.get("links") or ()
            if isinstance(link, Mapping)
        ]
    if not fixes and kind is not None:
        fixes = [{"text": kind.fix}]
    members["fixes"] = fixes
    return _from_members(cls, members) if _is_refusal(members) else None


def _from_text(cls: type[Refusal], evidence: Evidence) -> Refusal | None:
    """From a text alone: the code must be one of ours, and the text begin with its title."""
    for code, text in evidence.texts():
        kinds = (kinds.get(code) for kinds in (KINDS, PAYABLE_KINDS))
        kind = next((one for one in kinds if one and text.startswith(f"{one.title}.")), None)
        if kind is None:
            continue
        detail = text.removeprefix(f"{kind.title}.").strip().removesuffix(f"({code})").rstrip()
        return cls(
            code=code,
            status=kind.status,
            side=kind.side,
            title=kind.title,
            detail=detail,
            retryable=kind.retryable,
            fixes=(Fix(kind.fix),),
            call_id=evidence.call_id(),
            complete=False,
        )
    return None


def _kind(code: str, status: int | None) -> Kind | None:
    payable = PAYABLE_KINDS.get(code)
    if payable is not None and status == payable.status:
        return payable
    return KINDS.get(code)


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _amount(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except ArithmeticError:
        return None


def _moment(value: Any) -> dt.datetime | None:
    try:
        return None if value is None else dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _fixes(value: Any) -> tuple[Fix, ...]:
    """What can be read of them: a newer gate may have kinds of change that this doesn't know."""
    fixes = []
    for one in value if isinstance(value, (list, tuple)) else ():
        if not isinstance(one, Mapping):
            continue
        change = one.get("change")
        try:
            known = msgspec.convert(change, Change) if isinstance(change, Mapping) else None
        except msgspec.ValidationError:
            known = None
        url, command = one.get("url"), one.get("command")
        fixes.append(Fix(str(one.get("text", "")), url, command, known))
    return tuple(fixes)
