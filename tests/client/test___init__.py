"""What the package offers is there, and loads no HTTP library before it is needed."""

import subprocess
import sys

import pytest

from faregate import client


def test_names() -> None:
    for name in ("Refusal", "what_to_do", "call_with_patience", "credit", "Client", "AsyncClient"):
        assert getattr(client, name).__module__.startswith("faregate.client.")
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = client.nothing_such


def test_it_is_light() -> None:
    program = "import sys, faregate.client; print({'httpx2', 'yaml'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"
