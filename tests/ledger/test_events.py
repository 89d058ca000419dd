"""Events name whose they are and how much it is."""

from faregate.ledger import events


def test_each_kind_says_what_happened():
    told = [
        events.threshold_event("b", "shop", 80, 85, 100, 5),
        events.empty_event("wallet:acme", "acme", 5),
        events.expired_event("wallet:acme", "acme", 70, 5),
        events.vanished_event("0-1-1", "node-2", 1_000_000_000, 61_000_000_000),
        events.shortfall_event("wallet:acme", "acme", 8, 5),
    ]
    assert [(one.kind, one.subject, one.percent, one.amount) for one in told] == [
        ("budget_threshold", "shop", 80, 85),
        ("wallet_empty", "acme", None, 0),
        ("credit_expired", "acme", None, 70),
        ("worker_vanished", "0-1-1", None, None),
        ("shortfall", "acme", None, 8),
    ]
    assert told[3].detail.startswith("node node-2 is silent for 60 seconds")
