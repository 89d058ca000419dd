"""The audit log keeps as many days as it should; a broken one all."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.control.managed import Api, make_home

from faregate.configuration.document import Document
from faregate.configuration.settings import ManagementSettings, Settings
from faregate.control.audit_retention import AuditRetention
from faregate.control.management import Management, open_management
from faregate.core.clock import ManualClock

KEEP = Document(settings=Settings(management=ManagementSettings(audit_keep_days=30)))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def management(tmp_path: Path, clock: ManualClock) -> Iterator[Management]:
    with open_management(make_home(tmp_path / "home"), clock) as opened:
        yield opened


def fill(management: Management, clock: ManualClock) -> None:
    management.audit.record("ann", "keys.create", "keys/old")
    clock.advance(31 * 86_400)
    management.audit.record("ann", "keys.create", "keys/new")


def test_without_a_setting_it_keeps_all(management: Management, clock: ManualClock) -> None:
    fill(management, clock)
    assert AuditRetention(management).keep() == 0


def test_it_takes_away_what_is_too_old(management: Management, clock: ManualClock) -> None:
    fill(management, clock)
    Api(management).apply(KEEP)

    async def once() -> None:
        stopping = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, stopping.set)
        await AuditRetention(management)(stopping)

    asyncio.run(asyncio.wait_for(once(), 10))
    objects = [entry.object for entry in management.audit.find()]
    assert "keys/old" not in objects
    assert "keys/new" in objects
    assert management.audit.verify().whole


def test_a_broken_log_is_left_alone(
    management: Management, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    fill(management, clock)
    Api(management).apply(KEEP)
    with closing(sqlite3.connect(management.home.database)) as connection:
        connection.execute("DROP TRIGGER audit_entries_update")
        connection.execute("UPDATE audit_entries SET act = 'x' WHERE sequence = 1")
        connection.commit()
    with caplog.at_level(logging.ERROR):
        assert AuditRetention(management).keep() == 0
    assert "entry 1 is not what was written" in caplog.text
    assert management.audit.get(1) is not None
