"""The program of the guide to callers signs requests that a gate takes."""

import re
from pathlib import Path
from typing import Any

import msgspec
from tests.gate.running import CHAT, HELLO, running
from tests.gate.signing import SECRET

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "callers.md"


def program() -> dict[str, Any]:
    [code] = re.findall(r"^```py\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "guide", "exec"), names)
    return names


async def test_its_signature_is_taken():
    sign, body = program()["sign"], msgspec.json.encode(HELLO)
    commerce = {
        "applications": [{"name": "app"}],
        "callers": {"hmac": [{"name": "billing", "secret": SECRET, "application": "app"}]},
    }
    async with running(commerce=commerce) as place, place.client("") as client:
        for query in ("", "a=b"):
            fields = sign("POST", CHAT, query, body, "billing", SECRET)
            named = {name.replace("-", "_"): value for name, value in fields.items()}
            path = CHAT + ("?" + query if query else "")
            assert (await client.post(body, path, authorization="", **named)).status == 200
