"""A provider's address and keys, as the document and its vendor's row say them."""

from typing import Final

from faregate.configuration.document import Provider, ProviderKey
from faregate.providers.vendors import VENDORS, Vendor

SOLE_KEY: Final = "default"  # the name of a key that is given as `api_key`


def vendor_of(provider: Provider) -> Vendor:
    """The row of a provider's vendor."""
    return VENDORS.get(provider.vendor, VENDORS["openai_compatible"])


def api_url(provider: Provider) -> str:
    """The address of its API; raises `ValueError`, which says what is missing."""
    if provider.base_url is not None:
        return provider.base_url
    url = vendor_of(provider).base_url
    if url is None:
        raise ValueError(f"the vendor {provider.vendor!r} has no address of its own")
    return url


def account_keys(provider: Provider) -> tuple[ProviderKey, ...]:
    """Its keys; none where it takes calls without one."""
    if provider.api_key is not None:
        return (ProviderKey(name=SOLE_KEY, secret=provider.api_key), *provider.keys)
    return provider.keys
