"""What a store of configuration says: a whole revision, or what changed."""

import msgspec

from faregate.configuration.document import Document


class ConfigurationState(msgspec.Struct, frozen=True):
    """A revision of the configuration, complete, with secrets in the clear.

    In `document` every provider's `api_key` is the key itself; `document.keys` is empty: keys
    are looked up one by one.
    """

    revision: int
    document: Document


class Changes(msgspec.Struct, frozen=True):
    """What happened since a cursor: newest revision, hashes of changed keys.

    `revision` is None where the configuration did not change.
    """

    cursor: int
    revision: int | None
    key_hashes: tuple[bytes, ...]
