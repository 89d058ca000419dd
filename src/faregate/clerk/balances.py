"""What is left of prepaid credit, asked of vendors that tell it.

Beside the calls and in a thread of its own: a vendor that is slow or down holds up nothing.
"""

import http.client
import logging
from collections.abc import Callable
from typing import Final

from faregate.configuration.accounts import account_keys, api_url, vendor_of
from faregate.configuration.document import Document, Provider
from faregate.core.errors import FaregateError
from faregate.net.blocking import fetch
from faregate.providers.balances import BALANCE_BODY_BYTES_MAX, read_balance
from faregate.providers.vendors import address_at

TIMEOUT_S: Final = 10.0
PAUSE_S: Final = 60.0  # until the settings are looked at again, where nothing is polled
CURRENCY: Final = "USD"  # costs are reckoned in it alone

_log = logging.getLogger(__name__)


class BalanceWatch:
    """Polls the balances of all accounts of the newest document."""

    def __init__(self, read_document: Callable[[], Document]) -> None:
        self._read_document = read_document
        self._failed: dict[str, str] = {}

    def poll(self) -> tuple[float, dict[str, int]]:
        """The pause until the next time, and billionths of a dollar by account.

        May block; never raises.
        """
        try:
            document = self._read_document()
        except FaregateError:
            return PAUSE_S, {}
        pause_s = document.settings.routing.balance_poll_s
        if not pause_s:
            return PAUSE_S, {}
        amounts = {}
        for provider in document.providers:
            if vendor_of(provider).balance is not None:
                amount_nano = self._ask(provider)
                if amount_nano is not None:
                    amounts[provider.name] = amount_nano
        return pause_s, amounts

    def _ask(self, provider: Provider) -> int | None:
        reason = "it has no key"
        for key in account_keys(provider):
            try:
                amount_nano = left_nano(provider, key.secret)
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = str(error) or type(error).__name__
            else:
                self._failed.pop(provider.name, None)
                return amount_nano
        if self._failed.get(provider.name) != reason:  # said once
            self._failed[provider.name] = reason
            _log.warning("provider %s: its balance can't be read: %s", provider.name, reason)
        return None


def left_nano(provider: Provider, key: str) -> int | None:
    """What is left at an account, in billionths of a dollar.

    None: it is in another currency. May block. Raises OSError, `http.client.HTTPException`, and
    ValueError for what is no balance.
    """
    row = vendor_of(provider)
    assert row.balance is not None
    name, value = row.key_field(key)
    headers = {"accept": "application/json", "user-agent": "faregate", **row.headers}
    headers |= {**provider.headers, name: value}
    found = fetch(
        provider,
        address_at(api_url(provider), row.balance.path),
        headers,
        None,
        timeout_s=TIMEOUT_S,
        body_bytes_max=BALANCE_BODY_BYTES_MAX + 1,
    )
    if found.status != 200:
        needs = f"; it needs {row.balance.needs}" if row.balance.needs else ""
        raise ValueError(f"it answers with status {found.status}{needs}")
    told = read_balance(row.balance, found.body, provider.options.get("region", ""))
    return next((one.amount_nano for one in told if one.currency == CURRENCY), None)
