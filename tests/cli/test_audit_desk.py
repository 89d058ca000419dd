"""Commands give the same facts here as over the management API."""

from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.client.served_api import served_api

from faregate.cli.audit_desk import Filters, opened_desk
from faregate.core.errors import MissingError
from faregate.storage.audit_log import AuditLog
from faregate.storage.home import Home
from faregate.storage.installation import open_installation


@pytest.fixture(params=["here", "elsewhere"])
def home(
    request: pytest.FixtureRequest, console: Console, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    """The data folder of the installation that commands are for."""
    if request.param == "here":
        yield console.home
        return
    with served_api(console.root / "elsewhere") as served:
        monkeypatch.delenv("FAREGATE_HOME")
        monkeypatch.setenv("FAREGATE_MANAGEMENT_URL", served.url)
        monkeypatch.setenv("FAREGATE_TOKEN", served.token)
        yield served.home


def test_the_desk(home: Home) -> None:
    with open_installation(home) as installation:
        log = AuditLog(installation.database)
        begin = log.record("ann", "keys.create", "keys/sales/a", team="sales", after={"n": 1})
        log.record("bob", "keys.revoke", "keys/b", outcome="failed")
    with opened_desk() as desk:
        keys = desk.newest(Filters(act="keys.*"), 10, None)
        assert [one["entry"] for one in keys] == [begin + 1, begin]
        assert desk.newest(Filters(act="keys.*"), 1, begin + 1) == keys[1:]
        assert desk.newest(Filters(team="sales", since_ns=0, until_ns=2**62), 5, None) == keys[1:]
        assert desk.show(begin) == keys[1]
        assert (keys[1]["after"], keys[1]["team"]) == ({"n": 1}, "sales")
        head = desk.head()
        verdict = desk.verify((head["entry"], head["hash"]))
        assert (verdict["ok"], verdict["head"]) == (True, head)
        assert "not the one that was noted" in desk.verify((begin, "0" * 64))["problem"]
        assert list(desk.export(Filters(act="keys.*"))) == keys[::-1]
        recorded = desk.newest(Filters(act="audit.export"), 1, None)
        assert recorded[0]["detail"] == "act keys.*"
        with pytest.raises(MissingError, match="entry 10000"):
            desk.show(10_000)
