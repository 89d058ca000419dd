"""Commands give the same facts here as over the management API."""

import pytest
from tests.cli.console import Console

from faregate.cli.webhook_desk import opened_desk
from faregate.core.errors import MissingError

URL = "https://example.com/hook"


def test_the_desk_of_this_machine(console: Console) -> None:
    with opened_desk() as desk:
        made = desk.create(None, "pager", URL, ("*",), enabled=False)
        assert made["secret"].startswith("whsec_")
        assert desk.show(None, "pager") == {k: v for k, v in made.items() if k != "secret"}
        assert desk.all(None) == [desk.show(None, "pager")]
        assert desk.all("sales") == []
        assert desk.update(None, "pager", {"enabled": True})["enabled"]
        assert desk.rotate(None, "pager", 0)["old_secret_until"] is None
        sent = desk.ping(None, "pager")
        assert desk.deliveries(None, "pager", "pending", 5) == [sent]
        shown = desk.delivery(None, "pager", sent["number"])
        assert (shown["payload"]["type"], shown["tries"]) == ("webhook.ping", [])
        assert desk.redeliver(None, "pager", sent["number"])["state"] == "pending"
        desk.delete(None, "pager")
        with pytest.raises(MissingError, match="no webhook 'pager'"):
            desk.show(None, "pager")
        with pytest.raises(MissingError, match="team"):
            desk.create("sales", "pager", URL, ("*",), enabled=True)
