"""Rules over a document's parts, beyond the shape of each.

`check_written` looks at a document as a person wrote it: secrets must be references. `check`
looks at it with its variables replaced; what is still sealed is passed over, and seen when it is
opened. Both give every problem there is, `check` up to 200. Parts of the document have
modules of their own: `account_rules`, `caller_rules`, `routing_rules`, `commerce_rules`,
`price_rules`, `tenancy_rules`, `single_sign_on_rules`.
"""

import importlib.util
import ipaddress
import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Final

from faregate.configuration import (
    account_rules,
    caller_rules,
    commerce_rules,
    routing_rules,
    single_sign_on_rules,
    tenancy_rules,
)
from faregate.configuration.addresses import HOST, holds_password
from faregate.configuration.document import Document, Key
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import VARIABLE, is_sealed
from faregate.configuration.settings import GateSettings
from faregate.configuration.tenancy import Scopes
from faregate.identity.keys import SHOWN_CHARACTERS, is_well_formed

HASHED: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PROBLEMS_MAX: Final = 200  # nobody reads more, and looking for what was meant takes its time
_YEAR_MAX: Final = 2261  # nanoseconds since 1970 in 64 bits end in 2262


def check_written(document: Document) -> list[Problem]:
    """Secrets that stand in the document itself; never repeated."""
    problems = [
        *account_rules.check_written(document),
        *caller_rules.check_written(document),
        *single_sign_on_rules.check_written(document),
    ]
    for at, key in enumerate(document.keys):
        if not VARIABLE.fullmatch(key.secret) and not HASHED.match(key.secret):
            problems.append(
                Problem(
                    ("keys", at, "secret"),
                    "a key must not stand in the file",
                    "write ${env:NAME}, or its hash as 'faregate keys generate' prints it",
                )
            )
    settings = document.settings
    problems += [
        Problem(
            ("settings", section, field),
            "a password must not stand in the file",
            account_rules.ENVIRONMENT_FIX.replace("secret", "whole address"),
        )
        for section, field, url in (
            ("ledger", "url", settings.ledger.url),
            ("limits", "redis_url", settings.limits.redis_url),
        )
        if url is not None and holds_password(url)
    ]
    return problems


def check(document: Document) -> list[Problem]:
    """What can't be honoured in a document whose variables are replaced."""
    return list(islice(_problems(document), _PROBLEMS_MAX))


def _problems(document: Document) -> Iterator[Problem]:
    scopes = Scopes(document, commerce_rules.ROUTES)
    yield from _gate(document)
    yield from account_rules.check(document)
    yield from routing_rules.check(document, scopes)
    yield from _keys(document, scopes)
    yield from commerce_rules.check(document, scopes)
    yield from caller_rules.check(document)
    yield from single_sign_on_rules.check(document)
    yield from tenancy_rules.check(document, scopes)


def missing_clients(document: Document) -> list[Problem]:
    """Stores that are named and have no client in this installation."""
    settings = document.settings
    return [
        Problem(
            ("settings", section, field),
            f"this needs a client that is not installed ({module})",
            f"{sys.executable} -m pip install 'faregate[{extra}]'",
        )
        for section, field, url, module, extra in (
            ("ledger", "url", settings.ledger.url, "psycopg", "postgresql"),
            ("limits", "redis_url", settings.limits.redis_url, "redis", "redis"),
        )
        if url is not None and importlib.util.find_spec(module) is None
    ]


def _gate(document: Document) -> Iterator[Problem]:
    gate, operations = document.settings.gate, document.settings.operations
    for section, host in (("gate", gate.host), ("operations", operations.host)):
        if not is_sealed(host) and not HOST.match(host):
            yield Problem(
                ("settings", section, "host"),
                "this is not an address to listen on",
                "write an IP address or a host name, such as 127.0.0.1 or 0.0.0.0",
            )
    if gate.port and gate.port == operations.port:
        yield Problem(
            ("settings", "operations", "port"),
            f"port {gate.port} is the gate's own port",
            "give the operations address another port",
        )
    yield from _proxies(gate)


def _proxies(gate: GateSettings) -> Iterator[Problem]:
    path: Path = ("settings", "gate")
    for at, network in enumerate(gate.trusted_proxies):
        if is_sealed(network):
            continue
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield Problem(
                (*path, "trusted_proxies", at), f"{network!r} is not a network", _cidr_fix(network)
            )
    if gate.proxy_protocol and not gate.trusted_proxies:
        yield Problem(
            (*path, "proxy_protocol"),
            "with the PROXY protocol on and no trusted_proxies, no connection would be taken",
            "name the networks of your proxies in trusted_proxies",
        )


def _cidr_fix(network: str) -> str:
    try:
        meant = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return "write an address or a network, such as 10.0.0.0/8 or fd00::/8"
    return f"write {meant}: the address has bits beyond its mask"


def _keys(document: Document, scopes: Scopes) -> Iterator[Problem]:
    keys = document.keys
    yield from twice(((("keys", at, "name"), key.name) for at, key in enumerate(keys)), "a key")
    yield from twice(((("keys", at, "secret"), key.secret) for at, key in enumerate(keys)), None)
    for at, key in enumerate(keys):
        path: Path = ("keys", at)
        yield from _key(key, path)
        models = scopes.of(scopes.team_of_key(key))["model"]
        for position, name in enumerate(key.models or ()):
            if name not in models:
                yield Problem(
                    (*path, "models", position),
                    unknown("model", name, [*models]),
                    "name a model or an alias that is there",
                )


def _key(key: Key, path: Path) -> Iterator[Problem]:
    if not HASHED.match(key.secret) and not is_well_formed(key.secret):
        yield Problem(
            (*path, "secret"),
            "the variable does not hold a key of Faregate, fg_...",
            "make one with 'faregate keys generate'",
        )
    if key.prefix is not None and len(key.prefix) > SHOWN_CHARACTERS:
        yield Problem(
            (*path, "prefix"),
            f"the prefix is longer than {SHOWN_CHARACTERS} characters",
            "keep only the first characters of the key",
        )
    if key.expires_at is not None and not 1970 <= key.expires_at.year <= _YEAR_MAX:
        yield Problem((*path, "expires_at"), f"the year must be from 1970 to {_YEAR_MAX}")
    if key.expires_at is not None and key.expires_at.tzinfo is None:
        yield Problem((*path, "expires_at"), "the time has no zone", "end it with Z for UTC")
