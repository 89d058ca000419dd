"""How vendors that speak OpenAI's chat deviate, by name.

`TargetFacts.quirks` holds names of this table; without any, a request is written as OpenAI's own
reference has it, with the members that all vendors know.
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
ENABLE_THINKING: Final = "enable_thinking"
NO_STREAM_OPTIONS: Final = "no_stream_options"
TOOL_IMAGES: Final = "tool_images"

QUIRKS: Final = {
    CACHE_CONTROL: "takes cache_control on parts of messages and tools (OpenRouter, LiteLLM)",
    CACHE_BREAKPOINT: "takes prompt_cache_breakpoint on parts of messages (OpenAI, newer models)",
    AUTOMATIC_CACHE: "caches of its own accord: a mark that it can't be given is no loss",
    DEVELOPER_ROLE: "knows the role developer; others are sent system",
    STRING_CONTENT: "takes the text of messages as a string only, not as a list of parts",
    REASONING_CONTENT: "wants earlier thoughts back as reasoning_content (DeepSeek, Moonshot)",
    REASONING_DETAILS: "wants earlier thoughts back as reasoning_details (OpenRouter)",
    THOUGHT_SIGNATURE: "wants extra_content.google.thought_signature back on tool calls (Google)",
    REASONING_OBJECT: "takes reasoning {effort, max_tokens, exclude} (OpenRouter)",
    THINKING_TYPE: "takes thinking {type} (DeepSeek, Zhipu, Moonshot, Volcengine)",
    ENABLE_THINKING: "takes enable_thinking and thinking_budget (Qwen, SiliconFlow)",
    NO_STREAM_OPTIONS: "refuses stream_options; it states usage unasked or never",
    TOOL_IMAGES: "takes images in results of tools",
}
