"""Vendors: a row each, in vendors.json, read once.

A vendor that isn't there is served as `openai_compatible` with a base URL of its own. Where a row
was taken from, and whether its source could be read, each row says itself.
"""

import pkgutil
import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

from faregate.dialects.openai.quirks import QUIRKS as QUIRKS

Auth = Literal["header", "sigv4", "google_oauth", "ibm_iam", "none"]
Checked = Literal["documented", "second_hand", "unchecked"]
Operation = Literal[
    "generate",
    "completions",
    "embeddings",
    "rerank",
    "images",
    "image_edits",
    "image_variations",
    "speech",
    "transcriptions",
    "translations",
    "moderations",
    "realtime",
    "files",
    "batches",
    "count_tokens",
]
Quirk = Literal[
    "automatic_cache",
    "cache_control",
    "developer_role",
    "enable_thinking",
    "mistral_messages",
    "no_developer_role",
    "no_stream_options",
    "one_choice",
    "prompt_cache_breakpoint",
    "random_seed",
    "reasoning_content",
    "reasoning_details",
    "reasoning_object",
    "string_content",
    "thinking_effort",
    "thinking_type",
    "thought_signature",
    "tool_images",
]

# What each operation can be asked in.
DIALECTS: Final[dict[Operation, tuple[str, ...]]] = {
    "generate": (
        "openai_chat",
        "openai_responses",
        "anthropic",
        "anthropic_vertex",
        "gemini",
        "bedrock_converse",
        "cohere",
        "ollama",
    ),
    "completions": ("openai_completions",),
    "embeddings": (
        "openai_embeddings",
        "gemini_embeddings",
        "cohere_embeddings",
        "ollama_embeddings",
        "voyage_embeddings",
        "bedrock_invoke",
    ),
    "rerank": ("cohere_rerank", "jina_rerank", "voyage_rerank"),
    "images": ("openai_images", "stability", "bedrock_invoke"),
    "image_edits": ("openai_image_edits", "stability"),
    "image_variations": ("openai_image_variations",),
    "speech": ("openai_speech", "elevenlabs"),
    "transcriptions": ("openai_transcriptions", "elevenlabs"),
    "translations": ("openai_translations",),
    "moderations": ("openai_moderations",),
    "realtime": ("openai_realtime",),
    "files": ("openai_files",),
    "batches": ("openai_batches", "anthropic_batches"),
    "count_tokens": ("anthropic", "gemini"),
}

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
# What may stand for a placeholder: a part of a host's name or of a path, never a whole one.
OPTION_VALUE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}")


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account may say beside its key.

    One that an address has a place for must be said where it has no default.
    """

    description: str
    default: str | None = None


class KeyEnvironment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The variables that the vendor's own tools read.

    `credentials`: part of the credential ("key" for most) to the variables that may hold it, the
    first that is set wins. All parts are needed but those in `optional`. `options`: option to
    variables. `base_urls`: variable to the path that its address lacks. `general`: the variables
    serve other tools too, so that to find them is no sign that models are meant.
    """

    credentials: dict[str, tuple[str, ...]] = {}
    optional: tuple[str, ...] = ()
    options: dict[str, tuple[str, ...]] = {}
    base_urls: dict[str, str] = {}
    general: bool = False


class Balance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a vendor tells what prepaid credit is left.

    `path` is as in `Vendor.paths`. `amount` and `currency_path` lead into the reply as the
    paths of refusal rules do (`a.b`, `a[].b`); `spent`, where given, is subtracted. `currency`
    is that of the usual address, `currencies` those of other regions; a row has either these or
    a `currency_path`. The amounts count `parts` of the currency's unit: 100 are cents. `needs`
    says what key it takes, where the usual one won't do.
    """

    path: str
    amount: str
    spent: str | None = None
    currency: str | None = None
    currency_path: str | None = None
    currencies: dict[str, str] = {}
    parts: int = 1
    needs: str | None = None
    documentation: str


class Vendor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a vendor's API is, what it speaks, and how a key is shown to it.

    `base_url` goes up to and including the version, and is None where every installation has its
    own. It may hold placeholders, `{region}`, whose values are `options`; `regions` are the
    regions whose address is another. The key is sent as `key_header`: `key_prefix` + key, or as
    `key_headers` has it for a dialect. `needs_key` is False for servers that take calls without
    one. `headers` go with every call.

    `dialects` are those that it speaks itself for each operation, the preferred first;
    `model_dialects` the one that models whose names begin so are spoken to in, to generate.
    `paths` are the dialects that have another base: a path from the root of the host
    ("/anthropic/v1"), one below the base ("openai"), or a whole address.

    `output_limit_field` is the field of a chat request that limits the output; `unsupported` are
    fields of OpenAI's chat requests that it refuses or ignores, and formats of transcripts that it
    can't give, as response_format.srt. `refusals_like` is the vendor
    whose rules read its refusals where it has none of its own. `models_path` is its list of
    models, as in `paths`; `test_model` a cheap one to try a key with. `documentation` is where
    the row was taken from; `note` what could not be checked, or what a row can't say.
    """

    name: str
    title: str
    base_url: str | None
    documentation: str
    checked: Checked
    note: str = ""
    auth: Auth = "header"
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    key_headers: dict[str, str] = {}
    needs_key: bool = True
    headers: dict[str, str] = {}
    regions: dict[str, str] = {}
    options: dict[str, Option] = {}
    dialects: dict[Operation, tuple[str, ...]]
    model_dialects: dict[str, str] = {}
    paths: dict[str, str] = {}
    output_limit_field: str = "max_tokens"
    unsupported: tuple[str, ...] = ()
    quirks: tuple[Quirk, ...] = ()
    key_environment: KeyEnvironment = KeyEnvironment()
    balance: Balance | None = None
    models_path: str | None = "models"
    test_model: str | None = None
    refusals_like: str | None = None

    @property
    def ask_stream_usage(self) -> bool:
        """Whether a stream's usage may be asked for."""
        return "no_stream_options" not in self.quirks

    @property
    def is_local(self) -> bool:
        """Whether it is a server on this machine, by its usual address."""
        return self.base_url is not None and urlsplit(self.base_url).hostname == "127.0.0.1"

    def key_field(self, key: str, dialect: str | None = None) -> tuple[str, str]:
        """The header that shows `key`: its name in lower case, and its value."""
        header = self.key_headers.get(dialect or "", self.key_header)
        if header == self.key_header:
            return header, self.key_prefix + key
        return header, f"Bearer {key}" if header == "authorization" else key

    def speaks(self, operation: Operation, dialect: str) -> bool:
        """Whether calls in `dialect` need no translation."""
        return dialect in self.dialects.get(operation, ())


def placeholders(text: str) -> frozenset[str]:
    """The names in braces of an address."""
    return frozenset(_PLACEHOLDER.findall(text))


def resolve_base_url(vendor: Vendor, options: Mapping[str, str]) -> str:
    """The address of `vendor` for an account with these options.

    Raises ValueError, naming the option that is missing, unknown, or no part of an address.
    """
    if vendor.base_url is None:
        raise ValueError(f"{vendor.name} has no address of its own; give base_url")
    for name in options:
        if name not in vendor.options:
            known = ", ".join(vendor.options) or "none"
            raise ValueError(f"{vendor.name} has no option {name!r}; its options: {known}")
    values = {name: option.default for name, option in vendor.options.items()}
    values.update((name, value) for name, value in options.items() if value)
    template = vendor.regions.get(values.get("region") or "", vendor.base_url)

    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        value = values.get(name)
        if value is None:
            what = vendor.options[name].description
            raise ValueError(f"{vendor.name} needs the option {name!r}: {what}")
        if OPTION_VALUE.fullmatch(value) is None:
            raise ValueError(f"the option {name!r} of {vendor.name} can't be {value!r}")
        return value

    return _PLACEHOLDER.sub(value_of, template)


def address_at(base_url: str, path: str) -> str:
    """The address of a path of a row, for an account at `base_url`."""
    if "://" in path:
        return path
    if path.startswith("/"):
        parts = urlsplit(base_url)
        return f"{parts.scheme}://{parts.netloc}{path}"
    return f"{base_url.rstrip('/')}/{path}" if path else base_url


def dialect_base_url(vendor: Vendor, dialect: str, base_url: str) -> str:
    """Where `dialect` is spoken, for an account at `base_url`.

    A whole address in the row holds for accounts at the vendor's own address; an account that
    goes through another host finds the same path there.
    """
    path = vendor.paths.get(dialect)
    if path is None:
        return base_url
    if "://" in path and base_url != vendor.base_url:
        path = urlsplit(path).path
    return address_at(base_url, path)


class _VendorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    vendors: tuple[Vendor, ...]


def _read() -> dict[str, Vendor]:
    data = pkgutil.get_data("faregate.providers", "vendors.json")
    if data is None:
        raise FileNotFoundError("vendors.json is missing from the package")
    rows = msgspec.json.decode(data, type=_VendorFile).vendors
    return {vendor.name: vendor for vendor in rows}


VENDORS: Final[dict[str, Vendor]] = _read()
