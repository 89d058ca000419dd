"""The pages of links run their own scripts alone, and ask for what the API has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from faregate.control.link_pages import INVITATION, PASSWORD_RESET, LinkPage
from faregate.control.registry import all_routes

BOTH = pytest.mark.parametrize("page", [INVITATION, PASSWORD_RESET], ids=["accept", "reset"])


@BOTH
def test_what_it_asks_for_is_there(page: LinkPage) -> None:
    known = {one.path for group in all_routes() for one in group.operations}
    asked = re.findall(r"ask\('\w+', '([^']+)'", page.html)
    assert asked
    assert set(asked) <= known


@BOTH
def test_every_element_that_the_script_names_is_there(page: LinkPage) -> None:
    named = set(re.findall(r"at\('(\w+)'\)", page.html))
    assert named
    assert all(f'id="{name}"' in page.html for name in named)
    assert "//" not in page.html  # nothing from elsewhere
    assert "unsafe" not in page.policy


@BOTH
@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_can_be_read(page: LinkPage, tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(page.html.partition("<script>")[2].partition("</script>")[0])
    assert subprocess.run(["node", "--check", str(script)], check=False).returncode == 0
