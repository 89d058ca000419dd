"""Whoever logs in on the page decides there."""

import re

from faregate.control.device_page import DEVICE
from faregate.control.registry import all_routes


def test_both_decisions_are_there() -> None:
    known = {one.path for group in all_routes() for one in group.operations}
    decided = re.findall(r"decide\('(/\w+)'", DEVICE.script)
    assert sorted(decided) == ["/approve", "/deny"]
    assert {f"/v1/device/{{user_code}}{rest}" for rest in decided} <= known


def test_a_password_for_one_login_is_changed_on_the_page() -> None:
    assert "ask('PUT', '/v1/session/password'" in DEVICE.script
    assert "show('change')" in DEVICE.script


def test_who_logs_in_elsewhere_comes_back_with_the_code() -> None:
    assert "ask('GET', '/v1/single-sign-on')" in DEVICE.script
    assert "'?return_to=' + encodeURIComponent(back)" in DEVICE.script
