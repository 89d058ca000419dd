"""One object of the configuration is shown and changed by its version."""

import json
from typing import Any

import pytest
from starlette.responses import Response
from tests.control.resources.asking import asking
from tests.control.resources.world import document

from faregate.configuration.callers import Callers
from faregate.control.management import Management
from faregate.control.operations import Reply
from faregate.control.problems import ProblemError
from faregate.control.resources.sections import CALLERS, SETTINGS, replace, show, update
from faregate.control.resources.writing import Manner
from faregate.core.errors import StaleError


def test_shown_and_changed(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    version = show(asking(management), SETTINGS).version
    context = asking(management, if_match=f'"{version}"')
    patch: dict[str, Any] = {"credit": {"wait_s": 1.5}}
    tried = update(context, SETTINGS, patch, Manner(dry_run=True))
    assert isinstance(tried, Response)
    assert json.loads(bytes(tried.body))["changes"][0]["place"] == "settings.credit.wait_s"
    done = update(context, SETTINGS, patch, Manner())
    assert isinstance(done, Reply)
    assert done.value["credit"]["wait_s"] == 1.5
    with pytest.raises(StaleError):
        update(context, SETTINGS, patch, Manner())


def test_mistakes_name_their_fields(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    context = asking(management, if_match="*")
    for patch, field in (
        ({"gate": {"host": "not a host"}}, "gate.host"),
        ({"gate": {"port": "x"}}, "gate.port"),
        ({"gate": {"trusted_proxies": ["${env:FAREGATE_HOME}"]}}, "gate.trusted_proxies[0]"),
    ):
        with pytest.raises(ProblemError) as refused:
            update(context, SETTINGS, patch, Manner())
        assert refused.value.problem.errors[0].field == field


def test_replaced_with_defaults(management: Management) -> None:
    management.installation.revisions.apply(document(), "root", "first")
    context = asking(management, if_match="*")
    update(context, CALLERS, {"oauth2": {"enabled": True}}, Manner())
    done = replace(context, CALLERS, Callers(), Manner())
    assert isinstance(done, Reply)
    assert done.value["oauth2"]["enabled"] is False
