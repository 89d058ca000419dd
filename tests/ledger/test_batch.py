"""A batch adds up to what its calls do one after the other; amounts stay within bounds."""

from tests.storage.ledgers import record

from faregate.calllog.frames import Usage
from faregate.ledger.batch import TRANSFER_COLUMNS, Batch, Touched
from faregate.ledger.reckoning import CALL_AMOUNT_MAX

NOW = 10_000_000_000


def wallet(balance: int, drawn: int, amount: int) -> Touched:
    touched = Touched("wallet:acme", is_wallet=True, drawn=drawn)
    touched.balance, touched.amount = balance, amount
    return touched


def transfers(batch: Batch):
    return [dict(zip(TRANSFER_COLUMNS, row, strict=True)) for row in batch.transfers]


def test_calls_follow_each_other():
    purse = wallet(1_000, 600, 500)
    batch = Batch([purse], NOW)
    for number in range(3):
        batch.post(record(number, {"wallet:acme": 100}))
    assert [row["balance_nano"] for row in transfers(batch)] == [900, 800, 700]
    assert (purse.balance, purse.drawn, purse.amount, purse.posted) == (700, 300, 200, 300)
    assert batch.moved == {"wallet:acme": -300, "revenue": 300}


def test_beyond_the_draw_only_what_is_free():
    purse = wallet(100, 70, 20)
    batch = Batch([purse], NOW)
    batch.post(record(1, {"wallet:acme": 80}))
    # 20 were drawn for it, 30 were free; 50 are of others.
    assert (purse.balance, purse.drawn, purse.short) == (50, 50, 30)
    assert sum(batch.moved.values()) == 0
    assert [(row["kind"], row["amount_nano"]) for row in transfers(batch)] == [
        ("charge", 50),
        ("shortfall", 30),
    ]


def test_what_a_transfer_tells():
    batch = Batch([wallet(1_000, 0, 0), Touched("budget:1", capacity=900)], NOW)
    used = {"wallet:acme": 7, "budget:1": 7}
    batch.post(record(1, used, customer="a\0b", started_ns=5, charge_nano=7))
    (row,) = transfers(batch)
    assert (row["called_ns"], row["created_ns"], row["customer"]) == (5, NOW, "ab")
    assert (row["model"], row["application"], row["input_tokens"]) == ("small-2", "shop", 10)
    assert row["purses"] == '[["wallet:acme","budget:1"],[7,7]]'


def test_spend_counts_from_the_end_of_its_call():
    purse = Touched("budget:1", capacity=900, rolling_ns=60_000_000)  # buckets of a millisecond
    batch = Batch([purse], NOW)
    early = record(1, {"budget:1": 3}, started_ns=1_000_000, charge_nano=3)
    late = record(2, {"budget:1": 4}, started_ns=NOW * 2, charge_nano=4)
    batch.post(early)
    batch.post(late)
    assert purse.added == {2_000_000: 3, NOW: 4}


def test_amounts_are_brought_within_bounds():
    purse = wallet(1_000, 0, 0)
    batch = Batch([purse], NOW)
    batch.post(record(1, {"wallet:acme": -1}, charge_nano=-1, shortfall_nano=-1))
    usage = Usage(2**63, -1)
    batch.post(record(2, {"wallet:acme": 10**30}, charge_nano=10**30, usage=usage))
    assert purse.balance == 0
    assert purse.short == CALL_AMOUNT_MAX - 1_000
    for row in transfers(batch):
        assert all(0 <= value < 2**63 for value in row.values() if isinstance(value, int))
    assert transfers(batch)[1]["output_tokens"] == 0
