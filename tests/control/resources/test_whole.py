"""The whole configuration is read with an entry in the log, and put in force as it was seen."""

import threading

import msgspec
import pytest
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.configuration.document import Document
from faregate.control.management import Management
from faregate.control.resources.whole import (
    ConfigurationChange,
    ConfigurationCheck,
    apply,
    check,
    entry_of,
    read,
)
from faregate.core.errors import StaleError
from faregate.ledger.bookkeeping import Entry


def test_reading_is_recorded(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    found = read(asking(management))
    assert found.revision == 1
    assert management.audit.find(limit=1)[0].act == "config.export"


@pytest.mark.parametrize("keep", [False, True])
def test_of_two_writers_one_is_refused(management: Management, keep: bool) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    refused: list[int] = []

    def put(number: int) -> None:
        body = ConfigurationChange(
            document=msgspec.structs.replace(document(), plans=document().plans[:1], budgets=())
            if number % 2
            else msgspec.structs.replace(document(), limits=()),
            keep_values=keep,
        )
        try:
            apply(asking(management, if_match='"1"'), body, dry_run=False, message=None)
        except StaleError:
            refused.append(number)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 3
    assert management.installation.revisions.written()[0] == 2


def test_a_dry_run_of_both_ways(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    for keep in (False, True):
        body = ConfigurationChange(document=Document(), keep_values=keep)
        told = apply(asking(management, if_match="*"), body, dry_run=True, message=None)
        assert (told.dry_run, told.revision) == (True, 1)
        assert told.changes


def test_checks(management: Management) -> None:
    good = check(asking(management), ConfigurationCheck(document=document()))
    assert (good.ok, good.problems) == (True, [])
    bad = msgspec.structs.replace(document(), providers=())
    told = check(asking(management), ConfigurationCheck(document=bad))
    assert not told.ok
    assert told.problems[0].field.startswith("models[")


def test_an_entry() -> None:
    told = entry_of(Entry("e", "main", "grant", -1_500_000_000, 0, 0, "ada", "why"))
    assert (told.amount, told.at, told.call_id) == ("-1.50", "1970-01-01T00:00:00.000Z", None)
