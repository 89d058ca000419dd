"""A provider's address and keys, as document and vendor's row say them."""

from typing import Final

from faregate.configuration.document import Provider, ProviderKey, VirtualModel
from faregate.providers.vendors import VENDORS, Vendor, placeholders, resolve_base_url

SOLE_KEY: Final = "default"  # the name of a key that is given as `api_key`


def vendor_of(provider: Provider) -> Vendor:
    """The row of a provider's vendor."""
    return VENDORS.get(provider.vendor, VENDORS["openai_compatible"])


def api_url(provider: Provider) -> str:
    """The address of its API.

    Options must be there in the clear. Raises `ValueError`, which says what is missing.
    """
    if provider.base_url is not None:
        return provider.base_url
    return resolve_base_url(vendor_of(provider), provider.options)


def shown_url(provider: Provider) -> str:
    """The address for people; "-": it has none.

    Options may still be references.
    """
    try:
        return api_url(provider)
    except ValueError:
        return vendor_of(provider).base_url or "-"


def missing_options(provider: Provider) -> list[str]:
    """Options that the address or a signature needs, and aren't given."""
    vendor = vendor_of(provider)
    needed: set[str] = set()
    if provider.base_url is None and vendor.base_url is not None:
        region = provider.options.get("region", "")
        needed |= placeholders(vendor.regions.get(region, vendor.base_url))
    if vendor.auth == "sigv4":
        needed.add("region")
    return [
        name
        for name, option in vendor.options.items()
        if name in needed and option.default is None and name not in provider.options
    ]


def account_options(provider: Provider) -> dict[str, str]:
    """Its options, and the vendor's own for those that it doesn't give."""
    known = vendor_of(provider).options
    given = {name: option.default for name, option in known.items() if option.default is not None}
    return given | {name: value for name, value in provider.options.items() if value}


def account_keys(provider: Provider) -> tuple[ProviderKey, ...]:
    """Its keys; none where it takes calls without one."""
    if provider.api_key is not None:
        return (ProviderKey(name=SOLE_KEY, secret=provider.api_key), *provider.keys)
    return provider.keys


def serving(virtual: VirtualModel) -> tuple[str, ...]:
    """The models that may answer calls to a virtual model, each once."""
    fallbacks = virtual.fallbacks
    names = [target.model for target in virtual.targets]
    if virtual.canary is not None:
        names.append(virtual.canary.model)
    names += (*fallbacks.failure, *fallbacks.context, *fallbacks.content)
    return tuple(dict.fromkeys(names))
