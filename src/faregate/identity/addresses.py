"""E-mail addresses as names of users.

One user an address, whatever its case.
"""

import re
import unicodedata
from typing import Final

from faregate.core.errors import ConfigurationError

CHARACTERS_MAX: Final = 254  # RFC 5321 §4.5.3.1.3, without the brackets
# What is sure: a local part and a host, without spaces and signs that some reader may take for
# something else. Hosts without a dot are those of the machine, as admin@localhost.
_FORM: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\],;:\\\"]{1,253}")


def checked_email(text: str) -> str:
    """The address, without spaces around it.

    Raises `ConfigurationError` for none.
    """
    email = unicodedata.normalize("NFC", text.strip())
    printable = all(unicodedata.category(one)[0] != "C" for one in email)
    if len(email) > CHARACTERS_MAX or not _FORM.fullmatch(email) or not printable:
        raise ConfigurationError(
            f"{text[:80]!r} is not an e-mail address", fix="write one as ann@example.com"
        )
    return email


def email_key(text: str) -> str:
    """What addresses are compared by: two with the same are the same user's."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()
