"""Every vendor's way to show a key is known, and a key may bring its script."""

import pytest

from faregate.simulator.errors import OPENAI
from faregate.simulator.exchange import Message
from faregate.simulator.keys import Keys, shown_key
from faregate.simulator.script import Script, ScriptError


def message(query=None, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Message(method="POST", path="/", headers=fields, query=query or {})


@pytest.mark.parametrize(
    ("scheme", "shown"),
    [
        ("bearer", message(authorization="Bearer k")),
        ("bearer", message(authorization="bearer k")),
        ("bearer", message(api_key="k")),
        ("x-api-key", message(x_api_key="k")),
        ("x-api-key", message(authorization="Bearer k")),
        ("google", message(x_goog_api_key="k")),
        ("google", message({"key": "k"})),
        ("xi-api-key", message(xi_api_key="k")),
        ("aws", message(authorization="Bearer k")),
    ],
)
def test_keys_are_found(scheme, shown):
    assert shown_key(scheme, shown) == "k"
    assert Keys("k").refuse(scheme, OPENAI, shown, "/") is None
    assert Keys("other").refuse(scheme, OPENAI, shown, "/").status == 401


def test_no_key():
    assert shown_key("x-api-key", message()) is None
    assert Keys(None).refuse("x-api-key", OPENAI, message(), "/") is None
    assert Keys("k").refuse("x-api-key", OPENAI, message(), "/").status == 401
    assert Keys("k").refuse("none", OPENAI, message(), "/") is None


def test_scripts():
    keys = Keys("k")
    assert keys.script(None)[0] == keys.script("k")[0] == Script()
    assert keys.script("sk-sim:error=auth")[0] == Script(error="auth")
    keys.give_script("AKID:SECRET", "error=quota")
    assert keys.script("AKID")[0] == Script(error="quota")
    keys.give_script("AKID:SECRET", None)
    assert keys.script("AKID")[0] == Script()
    with pytest.raises(ScriptError):
        keys.script("sk-sim:nonsense")
    with pytest.raises(ScriptError, match="early"):
        keys.give_script("k", "early")
