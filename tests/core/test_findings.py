"""A finding is kept in the journal as it was said."""

import msgspec

from faregate.core.findings import Finding


def test_a_finding_is_an_array_that_comes_back_whole():
    finding = Finding("RESERVE", "credit", "refused", "too little", (("needed", "0.0123"),), True)
    data = msgspec.msgpack.encode(finding)
    assert msgspec.msgpack.decode(data) == [
        "RESERVE", "credit", "refused", "too little", [["needed", "0.0123"]], True,
    ]  # fmt: skip
    assert msgspec.msgpack.decode(data, type=Finding) == finding


def test_what_an_older_release_left_out_has_its_default():
    data = msgspec.msgpack.encode(["IDENTIFY", "keys", "passed", "known"])
    finding = msgspec.msgpack.decode(data, type=Finding)
    assert (finding.numbers, finding.operator_only) == ((), False)
