"""Pages run their own scripts alone, and ask for what the API has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from faregate.control.device_page import DEVICE
from faregate.control.link_pages import INVITATION, PASSWORD_RESET
from faregate.control.pages import HtmlPage, html_page
from faregate.control.registry import all_routes

ALL = pytest.mark.parametrize(
    "page", [DEVICE, INVITATION, PASSWORD_RESET], ids=["device", "invitation", "password"]
)


@ALL
def test_what_it_asks_for_is_there(page: HtmlPage) -> None:
    known = {(one.method, one.path) for group in all_routes() for one in group.operations}
    asked = re.findall(r"ask\('(\w+)', '([^']+)'", page.script)
    assert asked
    assert set(asked) <= known


@ALL
def test_every_element_that_the_script_names_is_there(page: HtmlPage) -> None:
    named = set(re.findall(r"at\('(\w+)'\)", page.script))
    assert named
    assert [name for name in named if f'id="{name}"' not in page.html] == []


@ALL
def test_nothing_comes_from_elsewhere(page: HtmlPage) -> None:
    assert "//" not in page.html
    assert page.policy.startswith("default-src 'none'; ")
    assert "unsafe" not in page.policy


@ALL
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_can_be_read(page: HtmlPage, tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(page.script)
    assert subprocess.run(["node", "--check", str(script)], check=False).returncode == 0


def test_another_script_has_another_policy() -> None:
    one, other = html_page("A Title", "<p>", "one()"), html_page("A Title", "<p>", "two()")
    assert "<title>Faregate: a title</title>" in one.html
    assert one.policy != other.policy
    reply = one.served()
    assert reply.headers["content-security-policy"] == one.policy
    assert (reply.media_type, bytes(reply.body).decode()) == ("text/html", one.html)
