"""Who is identified by other credentials than a key.

Whoever comes so gets a record like a key's, one for each credential and application, so that all
that follows (terms, limits, records, files) knows callers of one kind only.
"""

import hashlib
from typing import Any, Final, final

from faregate.configuration.callers import METHODS, Method
from faregate.identity.keys import KeyRecord
from faregate.policies.keys import KeyEntry


@final
class Identified:
    """Whom credentials stand for, as long as they do.

    `until_ns` is ns since 1970, None: as long as `owner` is the one in force. `customer` is empty
    where they name none. `key` is what they end with, for tokens that stand for a key.
    """

    __slots__ = ("customer", "key", "live", "method", "owner", "record", "until_ns")

    def __init__(
        self,
        method: Method,
        record: KeyRecord,
        until_ns: int | None = None,
        customer: str = "",
        key: KeyEntry | None = None,
    ) -> None:
        self.method = method
        self.record = record
        self.until_ns = until_ns
        self.customer = customer
        self.key = key
        self.live = True
        self.owner: Any = None

    def holds(self, now_ns: int) -> bool:
        """Whether they still stand for that."""
        return (
            self.live
            and (self.until_ns is None or now_ns < self.until_ns)
            and (self.key is None or self.key.live)
        )


def caller_record(method: Method, credential: str, application: str) -> KeyRecord:
    """The record of whoever comes with this credential for this application.

    Keep it: what is worked out for a caller is known by the very record.
    """
    key_id = f"{method}:{credential}:{application}"
    return KeyRecord(
        key_id=key_id,
        name=key_id,
        prefix="",
        hash=hashlib.sha256(b"caller " + key_id.encode()).digest(),
        models=None,
        created_ns=0,
        expires_ns=None,
        revoked_ns=None,
        application=application,
    )


_BESIDE: Final = frozenset(method for method in METHODS if method not in ("key", "oauth2"))


def read_caller_id(key_id: str) -> tuple[Method, str, str] | None:
    """Method, credential and application of a record's id.

    None for a key's.
    """
    method, _, rest = key_id.partition(":")
    credential, _, application = rest.partition(":")
    for known in METHODS:
        if known == method and known in _BESIDE and credential and application:
            return known, credential, application
    return None


def method_of(record: KeyRecord) -> Method:
    """How a caller with this record has come.

    "key" for tokens that stand for one as well.
    """
    found = read_caller_id(record.key_id)
    return "key" if found is None else found[0]
