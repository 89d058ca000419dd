"""Balances are read where vendors tell them; what fails is said once and holds up nothing."""

import logging
from decimal import Decimal
from typing import Any

import pytest
from tests.cli.test_provider_probe import answering

from faregate.clerk.balances import PAUSE_S, BalanceWatch, left_nano
from faregate.configuration.document import Document, Provider
from faregate.configuration.settings import RoutingSettings, Settings
from faregate.core.errors import StorageError

BODY = (
    b'{"is_available": true, "balance_infos": [{"currency": "CNY", "total_balance": "70.00"},'
    b' {"currency": "USD", "total_balance": "12.345"}]}'
)


def document(url: str, poll_s: int = 300, **provider: Any) -> Document:
    given = {"name": "deep", "vendor": "deepseek", "api_key": "sk-1", "proxy": "none"}
    return Document(
        settings=Settings(routing=RoutingSettings(balance_poll_s=poll_s)),
        providers=(
            Provider(base_url=url, balance_alert_at=(Decimal(5),), **given | provider),
            Provider(name="other", base_url=url, vendor="openai", proxy="none"),
        ),
    )


def test_dollars_are_told() -> None:
    with answering(200, BODY) as (url, seen):
        written = document(url)
        assert BalanceWatch(lambda: written).poll() == (300, {"deep": 12_345_000_000})
    assert [one["path"] for one in seen] == ["/user/balance"]
    assert seen[0]["authorization"] == "Bearer sk-1"


def test_another_currency_is_none_of_ours() -> None:
    body = b'{"balance_infos": [{"currency": "CNY", "total_balance": "70.00"}]}'
    with answering(200, body) as (url, _):
        assert left_nano(document(url).providers[0], "k") is None
        assert BalanceWatch(lambda: document(url)).poll() == (300, {})


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"<html>"), (200, b"{}")])
def test_what_fails_is_said_once(
    status: int, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with answering(status, body) as (url, _):
        watch = BalanceWatch(lambda: document(url))
        assert watch.poll() == (300, {})
        assert watch.poll() == (300, {})
    assert len(caplog.records) == 1
    assert "its balance can't be read" in caplog.text
    assert "sk-1" not in caplog.text


def test_nothing_is_asked_where_it_is_off() -> None:
    with answering(200, BODY) as (url, seen):
        assert BalanceWatch(lambda: document(url, 0)).poll() == (PAUSE_S, {})
    assert seen == []


def test_a_database_that_is_away() -> None:
    def read() -> Document:
        raise StorageError("away")

    assert BalanceWatch(read).poll() == (PAUSE_S, {})
