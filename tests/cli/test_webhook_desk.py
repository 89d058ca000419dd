"""Commands give the same facts here as over the management API."""

from collections.abc import Iterator

import pytest
from tests.cli.console import Console
from tests.client.served_api import served_api

from faregate.cli.webhook_desk import opened_desk
from faregate.core.errors import ConflictError, MissingError

URL = "https://example.com/hook"


@pytest.fixture(params=["here", "elsewhere"])
def _installation(
    request: pytest.FixtureRequest, console: Console, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The installation that commands are for."""
    if request.param == "here":
        yield
        return
    with served_api(console.root / "elsewhere") as served:
        monkeypatch.delenv("FAREGATE_HOME")
        monkeypatch.setenv("FAREGATE_MANAGEMENT_URL", served.url)
        monkeypatch.setenv("FAREGATE_TOKEN", served.token)
        yield


@pytest.mark.usefixtures("_installation")
def test_the_desk() -> None:
    with opened_desk() as desk:
        made = desk.create(None, "pager", URL, ("*",), enabled=False)
        assert made["secret"].startswith("whsec_")
        assert desk.show(None, "pager") == {k: v for k, v in made.items() if k != "secret"}
        assert desk.all(None) == [desk.show(None, "pager")]
        assert desk.update(None, "pager", {"enabled": True})["enabled"]
        assert desk.rotate(None, "pager", 0)["old_secret_until"] is None
        sent = desk.ping(None, "pager")
        assert desk.deliveries(None, "pager", "pending", 5) == [sent]
        shown = desk.delivery(None, "pager", sent["number"])
        assert (shown["payload"]["type"], shown["tries"]) == ("webhook.ping", [])
        assert desk.redeliver(None, "pager", sent["number"])["state"] == "pending"
        with pytest.raises(ConflictError, match="already"):
            desk.create(None, "pager", URL, ("*",), enabled=True)
        desk.delete(None, "pager")
        with pytest.raises(MissingError, match="pager"):
            desk.show(None, "pager")
        with pytest.raises(MissingError, match="team"):
            desk.create("sales", "pager", URL, ("*",), enabled=True)
