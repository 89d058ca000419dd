"""A grant of the configuration is compared with what was given."""

import msgspec

from faregate.ledger.bookkeeping import FileGrant, changed_part


def test_what_changed_is_named():
    grant = FileGrant("shop", "opening", 5, "paid", None)
    assert grant.reference == "file:opening"
    assert changed_part(grant, grant) is None
    for change, part in (
        ({"amount_nano": 6}, "amount"),
        ({"kind": "promotional"}, "kind"),
        ({"expires_ns": 7}, "expiry"),
    ):
        assert changed_part(msgspec.structs.replace(grant, **change), grant) == part
