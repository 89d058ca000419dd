"""The page runs its own script alone, and asks for what the API has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.control.managed import Api

from faregate.control import device_page
from faregate.control.device_page import PAGE, POLICY
from faregate.control.registry import all_routes


def test_it_is_served_with_a_policy_of_its_own(api: Api) -> None:
    response = api.as_(None).ask("GET", "/device?code=BCDF-GHJK")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy == POLICY
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert response.text == PAGE
    assert "//" not in PAGE.replace("'use strict'", "")  # nothing from elsewhere


def test_what_it_asks_for_is_there() -> None:
    known = {one.path for group in all_routes() for one in group.operations}
    asked = re.findall(r"ask\('\w+', '([^']+)'", PAGE)
    assert asked
    assert set(asked) <= known
    for rest in re.findall(r"decide\('(/\w+)'", PAGE):
        assert f"/v1/device/{{user_code}}{rest}" in known


def test_every_element_that_the_script_names_is_there() -> None:
    named = set(re.findall(r"at\('(\w+)'\)", PAGE))
    assert named
    assert all(f'id="{name}"' in PAGE for name in named)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_can_be_read(tmp_path: Path) -> None:
    script = tmp_path / "page.js"
    script.write_text(device_page._SCRIPT)
    done = subprocess.run(["node", "--check", str(script)], check=False, timeout=20)
    assert done.returncode == 0


def test_a_password_for_one_login_is_changed_on_the_page() -> None:
    assert "ask('PUT', '/v1/session/password'" in PAGE
    assert "show('change')" in PAGE
