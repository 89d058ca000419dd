"""Vendors' accounts that the environment describes.

They are found by the variables that the vendors' own tools read. What is found names variables
and holds no secret, so it can be shown.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from faregate.identity.keys import is_well_formed
from faregate.providers.vendors import VENDORS, Vendor, resolve_base_url


class FoundAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at `vendor` that the environment describes.

    `credentials`: part of the credential ("key" for most) to the variable that holds it.
    `variables` are all that were used, in order. `general` as in `KeyEnvironment`.
    """

    vendor: str
    base_url: str
    credentials: dict[str, str]
    options: dict[str, str]
    variables: tuple[str, ...]
    general: bool


def find_accounts(environ: Mapping[str, str]) -> list[FoundAccount]:
    """The accounts that `environ` describes wholly, in the order of the rows.

    A key of Faregate's own is none of a vendor's, whatever variable holds it: an application
    that calls this gate is set up so.
    """
    found = (_account(vendor, environ) for vendor in VENDORS.values())
    return [account for account in found if account is not None]


def first_variables(vendor: Vendor) -> list[str]:
    """The variables that hold its credential, the usual one of each part."""
    known = vendor.key_environment
    return [names[0] for part, names in known.credentials.items() if part not in known.optional]


def _account(vendor: Vendor, environ: Mapping[str, str]) -> FoundAccount | None:
    known = vendor.key_environment
    credentials: dict[str, str] = {}
    for part, names in known.credentials.items():
        variable = _first_set(names, environ)
        if variable is not None:
            credentials[part] = variable
        elif part not in known.optional:
            return None
    if any(is_well_formed(environ[variable].strip()) for variable in credentials.values()):
        return None
    chosen = {
        name: variable
        for name, names in known.options.items()
        if (variable := _first_set(names, environ)) is not None
    }
    options = {name: environ[variable].strip() for name, variable in chosen.items()}
    address = _first_set(known.base_urls, environ)
    used = (*credentials.values(), *chosen.values(), *([address] if address is not None else ()))
    if not credentials and address is None:
        return None
    try:
        if address is not None:
            base_url = _meant(environ[address].strip(), known.base_urls[address], vendor)
        else:
            base_url = resolve_base_url(vendor, options)
    except ValueError:
        return None
    return FoundAccount(
        vendor=vendor.name,
        base_url=base_url,
        credentials=credentials,
        options=options,
        variables=used,
        general=known.general,
    )


def _first_set(names: Iterable[str], environ: Mapping[str, str]) -> str | None:
    return next((name for name in names if environ.get(name, "").strip()), None)


def _meant(value: str, lacking: str, vendor: Vendor) -> str:
    """The base URL that a variable means, with what it leaves out.

    `lacking` is the end of its path. A server of one's own may leave out scheme and usual port,
    as "127.0.0.1" does, and may say all addresses that it listens on.
    """
    if "://" not in value and vendor.is_local:
        host, _, port = value.rstrip("/").partition(":")
        host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
        value = f"http://{host}:{port or urlsplit(vendor.base_url or '').port}"
    elif "://" not in value:
        value = f"https://{value}"
    whole = value.rstrip("/")
    if urlsplit(whole).hostname is None:
        raise ValueError("it names no host")
    return whole if whole.endswith(lacking) else whole + lacking
