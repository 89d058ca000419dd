"""Rows of purses: opened once, read as they were told; the rest is in the contract's tests."""

from tests.storage.ledgers import purse, sqlite_ledger, wallet

from faregate.ledger.purses import Standing
from faregate.storage.ledger_purses import (
    carried_amounts,
    find_purses,
    load_facts,
    lock_purses,
    open_purses,
    stand,
)


def test_a_purse_is_opened_once(tmp_path):
    spec = purse(cap=70, alert_at=(50, 80), rolling_ns=60)
    with sqlite_ledger(tmp_path) as ledger:
        opened = ledger.connection.write(lambda session: open_purses(session, [spec, wallet("w")]))
        again = ledger.connection.write(lambda session: open_purses(session, [spec, wallet("w")]))
        found = ledger.connection.read(lambda session: find_purses(session, list(opened)))
    assert opened == again == found
    row = found[spec.purse_id]
    assert (row.cap, row.capacity, row.alert_at, row.rolling_ns) == (70, 70, (50, 80), 60)
    assert found["wallet:w"].cap == 0


def test_nothing_is_asked_of_nothing(tmp_path):
    with sqlite_ledger(tmp_path) as ledger:
        assert ledger.connection.read(lambda session: find_purses(session, [])) == {}
        assert ledger.connection.write(lambda session: lock_purses(session, ["none"])) == {}
        facts = ledger.connection.read(lambda session: load_facts(session, {}, 0))
        carried = ledger.connection.read(lambda session: carried_amounts(session, [purse()]))
    assert facts.balances == {}
    assert carried == {"budget:month:app": 0}


def test_how_a_purse_stands_that_nobody_has_touched(tmp_path):
    with sqlite_ledger(tmp_path) as ledger:
        purses = ledger.connection.write(lambda session: open_purses(session, [purse(cap=70)]))
        facts = ledger.connection.read(lambda session: load_facts(session, purses, 0))
    assert stand(purses["budget:month:app"], facts, 0) == Standing(70, 0, 0, 70, 0)
