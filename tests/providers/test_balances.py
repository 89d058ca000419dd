"""What is left is read as vendors write it, and what is no balance is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faregate.providers.balances import BALANCE_BODY_BYTES_MAX, Remaining, read_balance
from faregate.providers.vendors import VENDORS, Balance

WITH_BALANCE = {name: row.balance for name, row in VENDORS.items() if row.balance is not None}


# The bodies are those of the pages that the rows name.
@pytest.mark.parametrize(
    ("vendor", "body", "remaining"),
    [
        (
            "deepseek",
            b'{"is_available": true, "balance_infos": [{"currency": "CNY", "total_balance":'
            b' "110.00", "granted_balance": "10.00"}, {"currency": "USD", "total_balance": "2"}]}',
            [Remaining(110_000_000_000, "CNY"), Remaining(2_000_000_000, "USD")],
        ),
        (
            "moonshot",
            b'{"code": 0, "data": {"available_balance": 49.58894, "cash_balance": -3.1},'
            b' "scode": "0x0", "status": true}',
            [Remaining(49_588_940_000, "USD")],
        ),
        (
            "novita",
            b'{"availableBalance": "1000000", "cashBalance": "800000"}',
            [Remaining(100_000_000_000, "USD")],
        ),
        (
            "openrouter",
            b'{"data": {"total_credits": 100.5, "total_usage": 25.75}}',
            [Remaining(74_750_000_000, "USD")],
        ),
        (
            "vercel",
            b'{"balance": "95.50", "total_used": "4.50"}',
            [Remaining(95_500_000_000, "USD")],
        ),
        (
            "siliconflow",
            b'{"code": 20000, "data": {"balance": "0.88", "totalBalance": "88.88"}}',
            [Remaining(88_880_000_000, "USD")],
        ),
        (
            "stepfun",
            b'{"object": "account", "type": "prepaid", "balance": 5}',
            [Remaining(5_000_000_000, "CNY")],
        ),
        ("stability", b'{"credits": 0.6336833840314097}', [Remaining(6_336_833, "USD")]),
    ],
)
def test_balances_as_vendors_write_them(vendor, body, remaining):
    assert read_balance(WITH_BALANCE[vendor], body) == remaining


def test_every_balance_is_tried():
    tried = {mark.args[1][i][0] for mark in test_balances_as_vendors_write_them.pytestmark
             for i in range(len(mark.args[1]))}  # fmt: skip
    assert tried == set(WITH_BALANCE)


def test_the_currency_of_a_region():
    body = b'{"data": {"available_balance": -1.5}}'
    assert read_balance(WITH_BALANCE["moonshot"], body, "cn") == [Remaining(-1_500_000_000, "CNY")]
    assert read_balance(WITH_BALANCE["moonshot"], body, "global")[0].currency == "USD"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 5_000,
        b'{"balance_infos": []}',
        b'{"balance_infos": [{"total_balance": "1"}]}',
        b'{"balance_infos": [{"total_balance": null, "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": true, "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": "a lot", "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": "NaN", "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": 1e400, "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": 1e999999999, "currency": "USD"}]}',
        b'{"balance_infos": [{"total_balance": "1", "currency": 5}]}',
        b'{"balance_infos": [{"total_balance": "1", "currency": "a currency of ours"}]}',
        b'{"balance_infos": [{"total_balance": "' + b"9" * 5_000 + b'", "currency": "USD"}]}',
        b" " * (BALANCE_BODY_BYTES_MAX + 1),
    ],
)
def test_what_is_no_balance_is_refused(body):
    with pytest.raises(ValueError, match="the reply"):
        read_balance(WITH_BALANCE["deepseek"], body)


def test_what_is_spent_must_be_told():
    with pytest.raises(ValueError, match="total_usage"):
        read_balance(WITH_BALANCE["openrouter"], b'{"data": {"total_credits": 1}}')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("ab"), inner),
    )
)
def test_any_reply_is_read_or_refused(document):
    balance = Balance(path="x", amount="a[].b|a.b", currency="USD", documentation="")
    try:
        remaining = read_balance(balance, json.dumps(document).encode())
    except ValueError:
        return
    assert remaining
    assert all(isinstance(one.amount_nano, int) for one in remaining)
