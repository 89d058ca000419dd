"""Requests for completions: a prompt is what a user says.

A prompt of tokens can't be read without the model's tokenizer, and several prompts would be
several calls: both are refused. `echo`, `suffix` and a real `best_of` have no equal elsewhere; they
are kept in `others`, so a target of another dialect tells them as lost.

Source: OpenAI API reference, "Create completion".
"""

from typing import Annotated, Any, Final

import msgspec

from faregate.core.refusals import Refusal, refuse
from faregate.dialects import openai_chat
from faregate.dialects.neutral.parts import Text
from faregate.dialects.neutral.request import Message, Request
from faregate.dialects.openai.request_reader import Count, StreamOptions
from faregate.dialects.translation import Lost, TargetFacts, Written

NAME: Final = "openai_completions"
OUTPUT_TOKENS_USUAL: Final = 16  # what a completion has if nothing is said
_PLAIN: Final = (
    "n", "stop", "temperature", "top_p", "top_k", "seed", "presence_penalty",
    "frequency_penalty", "logit_bias", "user",
)  # fmt: skip
_NONE: Final = (
    "tool_choice", "parallel_tool_calls", "answer_format", "verbosity", "modalities", "speech",
    "reasoning", "service_tier", "metadata", "store", "prompt_cache_key", "previous_id",
)  # fmt: skip
CARRIES: Final = frozenset({*_PLAIN, "output_tokens_max", "logprobs", "top_logprobs"})


class _Create(msgspec.Struct):
    model: str
    prompt: Any = ""
    max_tokens: Count | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=1_024)] | None = None
    best_of: Annotated[int, msgspec.Meta(ge=1, le=1_024)] | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: Count | None = None
    stop: str | tuple[str, ...] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


_KNOWN: Final = frozenset(_Create.__struct_fields__)


def read_request(body: bytes) -> Request | Refusal:
    """A caller's request, or which of its fields is wrong."""
    try:
        stated = msgspec.json.decode(body)
        create = msgspec.convert(stated, _Create)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return openai_chat.misread(error)
    prompt = create.prompt
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        return _refuse_prompt(prompt)
    others = {
        name: value for name, value in stated.items() if name not in _KNOWN and value is not None
    }
    if create.best_of is not None and create.best_of > (create.n or 1):
        others["best_of"] = create.best_of
    if create.echo:
        others["echo"] = True
    if create.suffix:
        others["suffix"] = create.suffix
    options, limit = create.stream_options, create.max_tokens
    return Request(
        model=create.model,
        messages=(Message("user", (Text(prompt),)),),
        origin=NAME,
        output_tokens_max=OUTPUT_TOKENS_USUAL if limit is None else limit,
        n=create.n,
        stop=(create.stop,) if isinstance(create.stop, str) else create.stop,
        stream=create.stream is True,
        stream_usage=options.include_usage if options is not None else None,
        temperature=create.temperature,
        top_p=create.top_p,
        top_k=create.top_k,
        seed=create.seed,
        presence_penalty=create.presence_penalty,
        frequency_penalty=create.frequency_penalty,
        logit_bias=create.logit_bias,
        logprobs=None if create.logprobs is None else True,
        top_logprobs=create.logprobs or None,
        user=create.user,
        others=others,
    )


def _refuse_prompt(prompt: Any) -> Refusal:
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], (int, list)):
        detail = "The field 'prompt' holds tokens; for this model it must be text."
    elif isinstance(prompt, list) and all(isinstance(one, str) for one in prompt):
        detail = f"The field 'prompt' holds {len(prompt)} prompts; for this model it must be one."
    else:
        detail = "The field 'prompt' is wrong: it must be a string."
    return refuse("request_invalid", detail, param="prompt")


def write_request(request: Request, target: TargetFacts) -> Written:
    """A request for a model that completes prompts.

    What was said stands there line by line, with who said it.
    """
    lost: dict[str, str] = {}
    body: dict[str, Any] = {"model": target.model, "prompt": _prompt(request, lost)}
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    for name in _NONE:
        if getattr(request, name) is not None:
            lost[name] = f"Completions have no '{name}'."
    if request.tools:
        lost["tools"] = "Completions have no tools."
    if request.output_tokens_max is not None:
        body["max_tokens"] = request.output_tokens_max
    if request.logprobs:
        body["logprobs"] = request.top_logprobs or 0
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    for name, value in request.others.items():
        if request.origin == NAME:
            body[name] = value
        else:
            lost[f"others.{name}"] = f"The target's dialect has no '{name}'."
    told = tuple(Lost(name, why) for name, why in lost.items())
    return Written(msgspec.json.encode(body), told)


def _prompt(request: Request, lost: dict[str, str]) -> str:
    said: list[tuple[str, str]] = []
    for message in request.messages:
        texts = [part.text for part in message.parts if isinstance(part, Text)]
        if len(texts) < len(message.parts):
            lost["messages.parts"] = "A prompt is nothing but text."
        said.append((message.role, "\n\n".join(texts)))
    if len(said) == 1:
        return said[0][1]
    return "\n\n".join([*(f"{role}: {text}" for role, text in said), "assistant:"])
