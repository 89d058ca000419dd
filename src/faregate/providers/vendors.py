"""Vendors that speak OpenAI's format: a row each.

A vendor that isn't here is served as `openai_compatible` with a base URL of its own.
"""

from typing import Final

import msgspec


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vendor's API is and how a key is shown to it.

    `base_url` goes up to and including the version, and is None where every installation has its
    own. The key is sent as `key_header`: `key_prefix` + key. `needs_key` is False for servers
    that take calls without one. `output_limit_field` is the field of a chat request that limits
    the output. `documentation` is where the row was taken from.
    """

    name: str
    title: str
    base_url: str | None
    documentation: str
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    needs_key: bool = True
    output_limit_field: str = "max_tokens"

    def key_field(self, key: str) -> tuple[str, str]:
        """The header that shows `key`: its name in lower case, and its value."""
        return self.key_header, self.key_prefix + key


# The addresses were checked against the pages named, except where a comment says otherwise.
_ROWS: Final = (
    # Unchecked: the page could not be read; it is the default of OpenAI's own SDKs.
    Vendor(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        documentation="https://platform.openai.com/docs/api-reference/introduction",
        # "max_tokens" is deprecated there, and models that reason refuse it.
        output_limit_field="max_completion_tokens",
    ),
    Vendor(
        name="openai_compatible",
        title="Any server that speaks OpenAI's format",
        base_url=None,
        documentation="https://platform.openai.com/docs/api-reference/introduction",
        needs_key=False,
    ),
    Vendor(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        documentation="https://console.groq.com/docs/openai",
    ),
    # Formerly https://api.together.xyz/v1, which older guides still name.
    Vendor(
        name="together",
        title="Together AI",
        base_url="https://api.together.ai/v1",
        documentation="https://docs.together.ai/docs/inference/openai-compatibility",
    ),
    Vendor(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        documentation="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
    ),
    # Checked at second hand, in several clients' documentation.
    Vendor(
        name="mistral",
        title="Mistral AI",
        base_url="https://api.mistral.ai/v1",
        documentation="https://docs.mistral.ai/resources/migration-guides",
    ),
    # The page names it with and without /v1; it says that v1 is no version of a model.
    Vendor(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com/v1",
        documentation="https://api-docs.deepseek.com/",
    ),
    # Unchecked: the pages that could be read name the API, but not its address in full.
    Vendor(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        documentation="https://openrouter.ai/docs/api/reference/overview",
    ),
    # Checked at second hand, in several clients' documentation.
    Vendor(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        documentation="https://docs.x.ai/developers/introduction",
    ),
    Vendor(
        name="ollama",
        title="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        documentation="https://github.com/ollama/ollama/blob/main/docs/openai.md",
        needs_key=False,
    ),
    # Checked at second hand, in a client's documentation.
    Vendor(
        name="vllm",
        title="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        documentation="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        needs_key=False,
    ),
    # Checked at second hand, in a client's documentation.
    Vendor(
        name="llama_cpp",
        title="llama.cpp server",
        base_url="http://127.0.0.1:8080/v1",
        documentation="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        needs_key=False,
    ),
)

VENDORS: Final[dict[str, Vendor]] = {vendor.name: vendor for vendor in _ROWS}
