"""Rules over a document's parts, beyond the shape of each.

`check_written` looks at a document as a person wrote it: secrets must be references. `check`
looks at it with its variables replaced; what is still sealed is passed over, and seen when it is
opened. Both give every problem there is.
"""

import importlib.util
import ipaddress
import re
import sys
from collections.abc import Iterator
from typing import Final

from faregate.configuration import commerce_rules
from faregate.configuration.accounts import api_url
from faregate.configuration.addresses import HOST, bad_api_url, holds_password
from faregate.configuration.document import Document, Key, Provider
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import VARIABLE, has_reference, is_reference, is_sealed
from faregate.configuration.settings import GateSettings
from faregate.identity.keys import SHOWN_CHARACTERS, is_well_formed

HASHED: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110 §5.6.2, token
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_SECRET_HEADER: Final = re.compile(r"auth|key|token|secret|cookie|password|credential", re.I)
# The gate writes these itself; RFC 9110 §7.6.1 and RFC 9112 §6.
_RESERVED_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"}
    | {"keep-alive", "expect", "proxy-connection", "proxy-authorization"}
    | {"content-type", "content-encoding", "accept-encoding"}
)
_YEAR_MAX: Final = 2261  # nanoseconds since 1970 in 64 bits end in 2262
_ENVIRONMENT_FIX: Final = "write ${env:NAME} and put the secret into the environment variable NAME"


def is_secret_header(name: str) -> bool:
    """Whether a header of this name may carry a secret."""
    return _SECRET_HEADER.search(name) is not None


def check_written(document: Document) -> list[Problem]:
    """Secrets that stand in the document itself; never repeated."""
    problems = []
    for at, provider in enumerate(document.providers):
        path: Path = ("providers", at)
        if provider.api_key is not None and not is_reference(provider.api_key):
            problems.append(
                Problem(
                    (*path, "api_key"),
                    "a provider's key must not stand in the file",
                    _ENVIRONMENT_FIX,
                )
            )
        problems += [
            Problem(
                (*path, "headers", name),
                "the value of a header that looks secret must not stand in the file",
                _ENVIRONMENT_FIX,
            )
            for name, value in provider.headers.items()
            if is_secret_header(name) and not has_reference(value)
        ]
        if not has_reference(provider.proxy) and "@" in provider.proxy:
            problems.append(
                Problem(
                    (*path, "proxy"),
                    "a proxy's password must not stand in the file",
                    _ENVIRONMENT_FIX,
                )
            )
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
            _ENVIRONMENT_FIX.replace("secret", "whole address"),
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
    return [
        *_gate(document),
        *_providers(document),
        *_models(document),
        *_keys(document),
        *commerce_rules.check(document),
    ]


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


def _providers(document: Document) -> Iterator[Problem]:
    yield from twice(
        ((("providers", at, "name"), one.name) for at, one in enumerate(document.providers)),
        "a provider",
    )
    for at, provider in enumerate(document.providers):
        path: Path = ("providers", at)
        yield from _address(provider, path)
        if provider.api_key is not None and not is_sealed(provider.api_key):
            if not provider.api_key.isascii() or not provider.api_key.isprintable():
                yield Problem(
                    (*path, "api_key"), "the key has characters that a header can't carry"
                )
            elif provider.api_key != provider.api_key.strip() or not provider.api_key:
                yield Problem((*path, "api_key"), "the key is empty or has spaces around it")
        yield from _headers(provider, path)
        yield from _provider_proxy(provider, path)
        yield from _provider_tls(provider, path)


def _address(provider: Provider, path: Path) -> Iterator[Problem]:
    try:
        url = api_url(provider)
    except ValueError as error:
        yield Problem(
            (*path, "base_url"),
            f"the address of the API is missing: {error}",
            "add base_url, up to its version, such as https://api.openai.com/v1",
        )
        return
    if not is_sealed(url) and (reason := bad_api_url(url)):
        yield Problem(
            (*path, "base_url"),
            f"this is not the address of an API: {reason}",
            "write it up to its version, such as https://api.openai.com/v1",
        )


def _headers(provider: Provider, path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    for name, value in provider.headers.items():
        here = (*path, "headers", name)
        lower = name.lower()
        if not _HEADER_NAME.match(name):
            yield Problem(here, "this is not the name of a header")
        elif lower in _RESERVED_HEADERS:
            yield Problem(here, f"the gate writes the header {lower} itself", "leave it out")
        if lower in seen:
            yield Problem(here, "this header is there twice, in other letters", "keep one")
        seen.add(lower)
        if not is_sealed(value) and not _HEADER_VALUE.match(value):
            yield Problem(
                here, "the value has characters that a header can't carry, such as a line break"
            )
        if lower == "authorization" and provider.api_key is not None:
            yield Problem(
                here, "api_key already gives this header", "keep api_key or the header, not both"
            )


def _provider_proxy(provider: Provider, path: Path) -> Iterator[Problem]:
    if provider.proxy in {"environment", "none"} or is_sealed(provider.proxy):
        return
    if reason := bad_api_url(provider.proxy, proxy=True):
        yield Problem(
            (*path, "proxy"),
            f"this is not the address of a proxy: {reason}",
            "write http://host:port, 'environment' or 'none'",
        )


def _provider_tls(provider: Provider, path: Path) -> Iterator[Problem]:
    tls = provider.tls
    if (tls.certificate_file is None) != (tls.key_file is None):
        yield Problem(
            (*path, "tls"),
            "certificate_file and key_file belong together",
            "give both or neither",
        )
    for field in ("ca_file", "certificate_file", "key_file"):
        if getattr(tls, field) == "":
            yield Problem((*path, "tls", field), "the file has no name", "leave the field out")


def _models(document: Document) -> Iterator[Problem]:
    yield from twice(
        (
            (path, name)
            for at, model in enumerate(document.models)
            for path, name in [
                (("models", at, "name"), model.name),
                *((("models", at, "aliases", no), one) for no, one in enumerate(model.aliases)),
            ]
        ),
        "a model or an alias",
    )
    providers = [provider.name for provider in document.providers]
    known = frozenset(providers)
    for at, model in enumerate(document.models):
        if model.provider not in known:
            yield Problem(
                ("models", at, "provider"),
                unknown("provider", model.provider, providers),
                "add the provider, or name one that is there",
            )
        if model.upstream_model == "":
            yield Problem(("models", at, "upstream_model"), "the name is empty", "leave it out")


def _keys(document: Document) -> Iterator[Problem]:
    keys = document.keys
    yield from twice(((("keys", at, "name"), key.name) for at, key in enumerate(keys)), "a key")
    yield from twice(((("keys", at, "secret"), key.secret) for at, key in enumerate(keys)), None)
    models = [name for model in document.models for name in (model.name, *model.aliases)]
    known = frozenset(models)
    for at, key in enumerate(keys):
        path: Path = ("keys", at)
        yield from _key(key, path)
        for position, name in enumerate(key.models or ()):
            if name not in known:
                yield Problem(
                    (*path, "models", position),
                    unknown("model", name, models),
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
