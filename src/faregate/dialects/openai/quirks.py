"""How vendors that speak OpenAI's chat deviate, by name.

`TargetFacts.quirks` holds names of this table; without any, a request is written with the members
that all vendors know.

Sources: OpenRouter, "Prompt caching", "Reasoning tokens"; DeepSeek, "Thinking mode"; Z.ai,
"Thinking mode"; Alibaba Model Studio, "Context cache"; Google, "OpenAI compatibility"; OpenAI,
"Prompt caching".
"""

from typing import Final

CACHE_CONTROL: Final = "cache_control"
CACHE_BREAKPOINT: Final = "prompt_cache_breakpoint"
AUTOMATIC_CACHE: Final = "automatic_cache"
DEVELOPER_ROLE: Final = "developer_role"
STRING_CONTENT: Final = "string_content"
REASONING_CONTENT: Final = "reasoning_content"
REASONING_DETAILS: Final = "reasoning_details"
THOUGHT_SIGNATURE: Final = "thought_signature"
REASONING_OBJECT: Final = "reasoning_object"
THINKING_TYPE: Final = "thinking_type"
THINKING_EFFORT: Final = "thinking_effort"
ENABLE_THINKING: Final = "enable_thinking"
NO_STREAM_OPTIONS: Final = "no_stream_options"
TOOL_IMAGES: Final = "tool_images"
ONE_CHOICE: Final = "one_choice"
RANDOM_SEED: Final = "random_seed"
NO_DEVELOPER_ROLE: Final = "no_developer_role"
MISTRAL_MESSAGES: Final = "mistral_messages"

QUIRKS: Final[dict[str, str]] = {
    CACHE_CONTROL: "it takes cache_control on parts of messages and on tools",
    CACHE_BREAKPOINT: "it takes prompt_cache_breakpoint on parts of messages",
    AUTOMATIC_CACHE: "it caches of its own accord, so a mark that it can't be given is no loss",
    DEVELOPER_ROLE: "it knows messages of the role developer; others are sent system",
    NO_DEVELOPER_ROLE: ("it knows no messages of the role developer; system is its name for it"),
    STRING_CONTENT: "it takes a message's text as one string only, not as a list of parts",
    REASONING_CONTENT: "it wants earlier thoughts back as reasoning_content",
    REASONING_DETAILS: "it wants earlier thoughts back as reasoning_details",
    THOUGHT_SIGNATURE: "it wants extra_content.google.thought_signature back on calls of tools",
    REASONING_OBJECT: "it takes reasoning with effort, max_tokens and exclude",
    THINKING_TYPE: "it takes thinking with a type: enabled or disabled",
    THINKING_EFFORT: "it takes thinking with a type, and reasoning_effort beside it",
    ENABLE_THINKING: "it takes enable_thinking and thinking_budget",
    NO_STREAM_OPTIONS: "it does not know stream_options, and counts the usage unasked",
    TOOL_IMAGES: "it takes images in results of tools",
    ONE_CHOICE: "it gives one choice; n may only be 1",
    MISTRAL_MESSAGES: "it wants ids of calls of nine characters, thoughts as chunks, and prefix",
    RANDOM_SEED: "its name for seed is random_seed",
}
