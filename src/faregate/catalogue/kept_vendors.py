"""Our vendors by the names that the package genai-prices has for them."""

from typing import Final

# Where it has one name for several of ours, the first of ours is the one that is listed.
KEPT_NAMES: Final = {
    "anthropic": "anthropic",
    "azure_openai": "azure",
    "azure_anthropic": "azure",
    "baseten": "baseten",
    "bedrock": "aws",
    "bedrock_mantle": "aws",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare",
    "cohere": "cohere",
    "databricks": "databricks",
    "deepseek": "deepseek",
    "elevenlabs": "elevenlabs",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "meta": "meta",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "together": "together",
    "vertex": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
    "zai": "zai",
    "zhipu": "zhipuai",
}
