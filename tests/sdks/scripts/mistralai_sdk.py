"""Mistral's SDK, which speaks OpenAI's chat completions with some of its own."""

import json

import telling
from mistralai.client import Mistral, errors
from pydantic import BaseModel

TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in telling.TOOLS.items()
]
ASKED = [{"role": "user", "content": telling.QUESTION}]


class Weather(BaseModel):
    city: str
    degrees: int


class Chat:
    """/mistral/v1/chat/completions."""

    def connect(self, url, key):
        return Mistral(api_key=key, server_url=f"{url}/mistral")

    def told(self, error):
        return {
            "status": error.status_code,
            "code": json.loads(error.body)["code"],
            "base": isinstance(error, errors.MistralError),
        }

    def chat(self, client, model):
        reply = client.chat.complete(model=model, messages=ASKED)
        choice = reply.choices[0]
        return {
            "text": choice.message.content,
            "finish": choice.finish_reason,
            "input": reply.usage.prompt_tokens,
            "output": reply.usage.completion_tokens,
        }

    def stream(self, client, model):
        chunks = [event.data for event in client.chat.stream(model=model, messages=ASKED)]
        choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
        usage = [chunk.usage for chunk in chunks if chunk.usage]
        told = {
            "text": "".join(choice.delta.content or "" for choice in choices),
            "finish": [c.finish_reason for c in choices if c.finish_reason][-1],
            "pieces": len(choices),
        }
        if usage:
            told |= {"input": usage[-1].prompt_tokens, "output": usage[-1].completion_tokens}
        return told

    def tools(self, client, model):
        reply = client.chat.complete(model=model, messages=ASKED, tools=TOOLS)
        choice = reply.choices[0]
        return self._answered(client, model, choice.message, choice.finish_reason)

    parallel = tools

    def streamed_tools(self, client, model):
        calls, finish = {}, None
        for event in client.chat.stream(model=model, messages=ASKED, tools=TOOLS):
            for choice in event.data.choices:
                finish = choice.finish_reason or finish
                for call in choice.delta.tool_calls or ():
                    known = calls.setdefault(call.index, call)
                    if known is not call:
                        known.function.arguments += call.function.arguments
        message = {"role": "assistant", "tool_calls": list(calls.values())}
        return self._answered(client, model, message, finish)

    def _answered(self, client, model, message, finish):
        calls = message["tool_calls"] if isinstance(message, dict) else message.tool_calls
        results = [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "name": call.function.name,
                "content": telling.RESULT,
            }
            for call in calls
        ]
        final = client.chat.complete(model=model, messages=[*ASKED, message, *results], tools=TOOLS)
        return {
            "calls": [telling.call_of(c.function.name, c.function.arguments, c.id) for c in calls],
            "finish": finish,
            "text": final.choices[0].message.content,
        }

    def structured(self, client, model):
        reply = client.chat.parse(Weather, model=model, messages=ASKED)
        return {"object": reply.choices[0].message.parsed.model_dump()}

    def embeddings(self, client, model):
        reply = client.embeddings.create(model=model, inputs=telling.TEXTS)
        return {
            "vectors": len(reply.data),
            "length": len(reply.data[0].embedding),
            "input": reply.usage.prompt_tokens,
        }


telling.run({"chat": Chat()})
