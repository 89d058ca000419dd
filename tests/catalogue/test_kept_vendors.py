"""Every vendor that is said to have kept prices is one of ours, and one of the package's."""

from genai_prices.data import providers

from faregate.catalogue.kept_vendors import KEPT_NAMES
from faregate.providers.vendors import VENDORS


def test_both_names_exist() -> None:
    assert KEPT_NAMES.keys() <= VENDORS.keys()
    assert set(KEPT_NAMES.values()) <= {provider.id for provider in providers}
