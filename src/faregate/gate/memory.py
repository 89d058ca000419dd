"""A configuration in memory: for tests, and for trying things out."""

import msgspec

from faregate.configuration.document import Document
from faregate.core.errors import StorageError
from faregate.gate.ports import Changes, ConfigurationState
from faregate.identity.keys import KeyRecord, generate_key, hash_key, shown_prefix


class MemoryConfiguration:
    """`ConfigurationSource` without a store.

    While `fail` is set every method raises `StorageError`, as a store does that is gone.
    """

    def __init__(self, document: Document | None = None) -> None:
        self.fail = False
        self.closed = False
        self._cursor = 0
        self._revision = 0
        self._document = Document()
        self._keys: dict[bytes, KeyRecord] = {}
        self._changed: list[tuple[int, bytes]] = []
        if document is not None:
            self.set_document(document)

    def set_document(self, document: Document) -> int:
        """Put `document` in force, secrets in the clear; gives its number."""
        self._cursor += 1
        self._revision = self._cursor
        self._document = document
        return self._revision

    def add_key(
        self,
        name: str,
        *,
        secret: str | None = None,
        models: frozenset[str] | None = None,
        created_ns: int = 0,
        expires_ns: int | None = None,
        application: str | None = None,
    ) -> str:
        """Make a key; gives the key itself."""
        secret = secret or generate_key()
        record = KeyRecord(
            key_id=f"key_{len(self._keys) + 1:016x}",
            name=name,
            prefix=shown_prefix(secret),
            hash=hash_key(secret),
            models=models,
            created_ns=created_ns,
            expires_ns=expires_ns,
            revoked_ns=None,
            application=application,
        )
        self._put(record)
        return secret

    def revoke_key(self, secret: str, now_ns: int = 1) -> None:
        """Revoke the key `secret`."""
        old = self._keys[hash_key(secret)]
        self._put(msgspec.structs.replace(old, revoked_ns=now_ns))

    def latest(self) -> ConfigurationState:
        """The document in force."""
        self._check()
        return ConfigurationState(self._revision, self._document)

    def cursor(self) -> int:
        """The number of the last change."""
        self._check()
        return self._cursor

    def changes_since(self, cursor: int) -> Changes:
        """What changed after `cursor`."""
        self._check()
        return Changes(
            cursor=self._cursor,
            revision=self._revision if self._revision > cursor else None,
            key_hashes=tuple(hashed for number, hashed in self._changed if number > cursor),
        )

    def find_key(self, key_hash: bytes) -> KeyRecord | None:
        """The key of this hash."""
        self._check()
        return self._keys.get(key_hash)

    def find_named_key(self, name: str) -> KeyRecord | None:
        """The key of this name or id; of several the newest that wasn't revoked."""
        self._check()
        found = [key for key in self._keys.values() if name in (key.key_id, key.name)]
        found.sort(key=lambda key: (key.revoked_ns is not None, -key.created_ns))
        return found[0] if found else None

    def close(self) -> None:
        """Nothing to let go of; `closed` remembers it."""
        self.closed = True

    def _put(self, record: KeyRecord) -> None:
        self._cursor += 1
        self._keys[record.hash] = record
        self._changed = [entry for entry in self._changed if entry[1] != record.hash]
        self._changed.append((self._cursor, record.hash))

    def _check(self) -> None:
        if self.fail:
            raise StorageError("the configuration can't be read", fix="set fail to False")
