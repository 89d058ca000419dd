"""faregate serve --demo: a home, a key and a real model, served."""

import asyncio
import datetime as dt
import os
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from faregate.cli.service import (
    Sockets,
    Wishes,
    command_name,
    open_sockets,
    plan_service,
    prepare,
    prepare_ledger,
    read_document,
    require_shared_counters,
)
from faregate.configuration.document import Document
from faregate.configuration.found_accounts import Found, with_found
from faregate.identity.keys import hash_key
from faregate.providers.environment import find_accounts
from faregate.storage.first_owner import FirstOwner, make_first_owner
from faregate.storage.home import Home
from faregate.storage.preparation import open_gate_source
from faregate.supervisor import demo
from faregate.supervisor.child import ChildPlan
from faregate.supervisor.local_model import HOST, MODEL_NAME, model_file
from faregate.supervisor.lock import HomeLock
from faregate.supervisor.log import EventLog
from faregate.supervisor.service import Service
from faregate.supervisor.sockets import reserve

ACTOR: Final = "demo"
DRAIN_TIMEOUT_S: Final = 10.0  # nobody waits longer for a demo


def serve_demo(home: Home, wishes: Wishes, config: Path | None) -> None:
    """Start the model and the service, and say how to use them."""
    begun = time.monotonic()
    file = model_file()
    is_new = not home.exists
    _say(f"{'Making' if is_new else 'Using'} the data folder {home.root}")
    home.create()
    lock = HomeLock(home.run)
    prepare(home, config)
    owner = make_first_owner(home, ACTOR)
    document = read_document(home)
    require_shared_counters(document, wishes.workers or document.settings.gate.workers)
    prepare_ledger(home, document.settings)
    sockets = open_sockets(document.settings, wishes)
    kept = reserve(HOST, demo.model_port(document))
    port = kept.getsockname()[1]
    found = apply_model(home, document, port)
    for one in found:
        _say(str(one))
    key = demo_key(home)
    demo.write_environment_file(home.demo_env, sockets.url, key)

    arguments = ("--port", str(port), "--parent", str(os.getpid()))
    command = (sys.executable, "-P", "-m", "faregate.supervisor.local_model", *arguments)
    settings = msgspec.structs.replace(
        document.settings,
        gate=msgspec.structs.replace(
            document.settings.gate,
            drain_timeout_s=min(DRAIN_TIMEOUT_S, document.settings.gate.drain_timeout_s),
        ),
    )
    plan = plan_service(home, settings, sockets, (ChildPlan("model", command),))
    lock.describe({**plan.facts, "home": str(home.root)})
    _say(f"Loading the model {MODEL_NAME} ({file.stat().st_size // 1_000_000} MB) ...")
    service = Service(plan, EventLog("warning"))
    asyncio.run(
        service.run(
            on_ready=lambda: _say(
                _ready_text(home, sockets, key, found, owner, time.monotonic() - begun)
            ),
            on_stop=lambda: _say(
                "\nStopping: calls in flight may finish; Ctrl-C again stops at once."
            ),
        )
    )
    kept.close()
    _say(f"Stopped. The data stays in {home.root}")


def _say(text: str) -> None:
    print(text, flush=True)


def apply_model(home: Home, document: Document, port: int) -> list[Found]:
    """Have the configuration name the model at `port`, and found accounts.

    Gives those accounts, which the environment describes.
    """
    if demo.with_local_model(document, port) == document and not find_accounts(os.environ):
        return []
    from faregate.storage.installation import open_installation  # here: it loads the SQL layer

    today = dt.datetime.now(dt.UTC).date()

    def change(written: Document) -> tuple[Document, list[Found]]:
        return with_found(demo.with_local_model(written, port), os.environ, today)

    with open_installation(home) as installation:
        found = change(installation.revisions.written()[1])[1]
        installation.revisions.edit(
            lambda written: change(written)[0],
            ACTOR,
            "the demo's models",
            renewed=frozenset(one.key_place for one in found if one.key_place is not None),
        )
    return found


def demo_key(home: Home) -> str:
    """The key of the last start, where it still works; else a new one."""
    known = demo.read_environment_file(home.demo_env).get("FAREGATE_API_KEY", "")
    source = open_gate_source(home)
    try:
        record = source.find_key(hash_key(known))
    finally:
        source.close()
    if record is not None and record.state(time.time_ns()) == "active":
        return known
    from faregate.storage.installation import open_installation

    with open_installation(home) as installation:
        for entry in installation.keys.list():
            if entry.record.name == demo.KEY_NAME and entry.record.revoked_ns is None:
                installation.keys.revoke(entry.record.key_id, ACTOR)
        return installation.keys.create(demo.KEY_NAME, ACTOR).secret


def _ready_text(
    home: Home,
    sockets: Sockets,
    key: str,
    found: list[Found],
    owner: FirstOwner | None,
    seconds: float,
) -> str:
    command = command_name()
    others = [name for one in found for name in one.models]
    called = "no vendor is called"
    if others:
        called = f"no vendor is called for it\n  vendors'    {', '.join(others)}; these cost money"
    login = ""
    if owner is not None:
        login = f"\n  login       {owner.email}, password {owner.password} for one login"
    return f"""
Faregate is ready, after {seconds:.1f} s.

  address     {sockets.url}
  key         {key}
  model       {MODEL_NAME}, a small model on this machine's processor; {called}
  data        {home.root}   (address and key are also in {home.demo_env.name})
  operations  http://{sockets.operations_address}/metrics
  management  {sockets.management_url or "not served"}{login}
  stop        Ctrl-C

Paste this into another terminal:

{demo.curl_line(sockets.url, key)}

Or: {command} call "{demo.QUESTION}"
And then: {command} calls tail
"""
