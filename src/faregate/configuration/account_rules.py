"""Rules over providers: addresses, options, keys, headers, dialects.

What stands in the file must not be a secret; what a header must carry must fit into one. No
message repeats a value that may have come from a variable.
"""

import re
from collections.abc import Iterator
from typing import Final

from faregate.configuration.accounts import (
    SOLE_KEY,
    account_keys,
    api_url,
    missing_options,
    vendor_of,
)
from faregate.configuration.addresses import bad_api_url
from faregate.configuration.amounts import TAKES
from faregate.configuration.document import Document, Provider
from faregate.configuration.problems import Path, Problem, twice, unknown
from faregate.configuration.references import (
    has_reference,
    is_reference,
    is_sealed,
    only_variables,
)
from faregate.core.money import parse_amount
from faregate.providers.vendors import DIALECTS, OPTION_VALUE

ENVIRONMENT_FIX: Final = "write ${env:NAME} and put the secret into the environment variable NAME"
_KEY_FIX: Final = "put the key alone into the variable, without spaces or line breaks"
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")  # RFC 9110 §5.6.2, token
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_SECRET_HEADER: Final = re.compile(r"auth|key|token|secret|cookie|password|credential", re.I)
# The gate writes these itself; RFC 9110 §7.6.1 and RFC 9112 §6.
_RESERVED_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"}
    | {"keep-alive", "expect", "proxy-connection", "proxy-authorization"}
    | {"content-type", "content-encoding", "accept-encoding"}
)


def is_secret_header(name: str) -> bool:
    """Whether a header of this name may carry a secret."""
    return _SECRET_HEADER.search(name) is not None


def check_written(document: Document) -> Iterator[Problem]:
    """Providers' secrets that stand in the document itself; never repeated."""
    for at, provider in enumerate(document.providers):
        path: Path = ("providers", at)
        for place, secret in _secrets(provider, path):
            if not is_reference(secret) and not only_variables(secret):
                yield Problem(place, "a provider's key must not stand in the file", ENVIRONMENT_FIX)
        for name, value in provider.headers.items():
            if is_secret_header(name) and not has_reference(value):
                yield Problem(
                    (*path, "headers", name),
                    "the value of a header that looks secret must not stand in the file",
                    ENVIRONMENT_FIX,
                )
        if not has_reference(provider.proxy) and "@" in provider.proxy:
            yield Problem(
                (*path, "proxy"), "a proxy's password must not stand in the file", ENVIRONMENT_FIX
            )


def check(document: Document) -> Iterator[Problem]:
    """What can't be honoured in the providers of a document."""
    yield from twice(
        ((("providers", at, "name"), one.name) for at, one in enumerate(document.providers)),
        "a provider",
    )
    for at, provider in enumerate(document.providers):
        path: Path = ("providers", at)
        wrong = [*_options(provider, path)]
        yield from wrong
        if not wrong and not any(map(is_sealed, provider.options.values())):
            yield from _address(provider, path)
        yield from _keys(provider, path)
        yield from _dialects(provider, path)
        yield from _budgets(provider, path)
        yield from twice(
            (((*path, "tags", no), tag) for no, tag in enumerate(provider.tags)), "the tag"
        )
        yield from _headers(provider, path)
        yield from _proxy(provider, path)
        yield from _tls(provider, path)


def _secrets(provider: Provider, path: Path) -> Iterator[tuple[Path, str]]:
    if provider.api_key is not None:
        yield (*path, "api_key"), provider.api_key
    for at, key in enumerate(provider.keys):
        yield (*path, "keys", at, "secret"), key.secret


def _options(provider: Provider, path: Path) -> Iterator[Problem]:
    vendor = vendor_of(provider)
    for name, value in provider.options.items():
        here = (*path, "options", name)
        if name not in vendor.options:
            known = ", ".join(vendor.options)
            yield Problem(
                here,
                unknown(f"option of the vendor {vendor.name}", name, [*vendor.options]),
                f"its options: {known}" if known else "it has no options: leave it out",
            )
        elif not is_sealed(value) and not OPTION_VALUE.fullmatch(value):
            yield Problem(
                here,
                "this can't be a part of an address",
                "write letters, digits and '._:-', beginning with a letter or a digit",
            )
    for name in missing_options(provider):
        yield Problem(
            path,
            f"the vendor {vendor.name} needs the option {name!r}: "
            f"{vendor.options[name].description}",
            f"add 'options: {{{name}: ...}}'",
        )


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


def _keys(provider: Provider, path: Path) -> Iterator[Problem]:
    names = [(((*path, "keys", at, "name")), key.name) for at, key in enumerate(provider.keys)]
    yield from twice(names, "a key of this provider")
    if provider.api_key is not None:
        for place, name in names:
            if name == SOLE_KEY:
                yield Problem(
                    place,
                    f"{SOLE_KEY!r} is the name of the key that api_key gives",
                    "give this key another name, or leave api_key out",
                )
    secrets = [*_secrets(provider, path)]
    yield from twice(((place, secret) for place, secret in secrets if not is_sealed(secret)), None)
    if vendor_of(provider).auth != "header":
        return
    for place, secret in secrets:
        if is_sealed(secret):
            continue
        if not secret.isascii() or not secret.isprintable():
            yield Problem(place, "the key has characters that a header can't carry", _KEY_FIX)
        elif secret != secret.strip() or not secret:
            yield Problem(place, "the key is empty or has spaces around it", _KEY_FIX)


def _dialects(provider: Provider, path: Path) -> Iterator[Problem]:
    known = {str(operation): names for operation, names in DIALECTS.items()}
    for operation, dialects in provider.dialects.items():
        here = (*path, "dialects", operation)
        if operation not in known:
            yield Problem(
                here,
                unknown("operation", operation, [*known]),
                f"the operations are {', '.join(known)}",
            )
            continue
        fix = f"the dialects of {operation} are {', '.join(known[operation])}"
        if not dialects:
            yield Problem(here, "no dialect is named", f"{fix}; or leave {operation} out")
        yield from twice((((*here, at), one) for at, one in enumerate(dialects)), "the dialect")
        for at, dialect in enumerate(dialects):
            if dialect not in known[operation]:
                yield Problem(
                    (*here, at),
                    unknown(f"dialect of {operation}", dialect, known[operation]),
                    fix,
                )


def _budgets(provider: Provider, path: Path) -> Iterator[Problem]:
    path = (*path, "budgets")
    yield from twice(
        (((*path, at, "window"), one.window) for at, one in enumerate(provider.budgets)),
        "a budget of this provider for the window",
    )
    for at, budget in enumerate(provider.budgets):
        try:
            nano = parse_amount(budget.amount)
        except ValueError as error:
            reason = str(error).partition(";")[0]
            yield Problem((*path, at, "amount"), f"this is no amount: {reason}", f"write {TAKES}")
            continue
        if nano == 0:
            yield Problem(
                (*path, at, "amount"),
                "a budget of nothing lets no call pass",
                "write an amount above 0; to use a provider no more, remove its models",
            )
        yield from twice(
            (((*path, at, "alert_at", no), str(one)) for no, one in enumerate(budget.alert_at)),
            "the percentage",
        )


def _headers(provider: Provider, path: Path) -> Iterator[Problem]:
    vendor = vendor_of(provider)
    shown = {vendor.key_header, *vendor.key_headers.values()} if account_keys(provider) else set()
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
        if lower in shown:
            given = "api_key" if provider.api_key is not None else "a key of keys"
            yield Problem(
                here,
                f"{given} already gives this header",
                "keep the key or the header, not both",
            )


def _proxy(provider: Provider, path: Path) -> Iterator[Problem]:
    if provider.proxy in {"environment", "none"} or is_sealed(provider.proxy):
        return
    if reason := bad_api_url(provider.proxy, proxy=True):
        yield Problem(
            (*path, "proxy"),
            f"this is not the address of a proxy: {reason}",
            "write http://host:port, 'environment' or 'none'",
        )


def _tls(provider: Provider, path: Path) -> Iterator[Problem]:
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
