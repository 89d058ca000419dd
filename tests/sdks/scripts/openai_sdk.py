"""OpenAI's SDK: chat completions and responses."""

import json

import openai
import telling
from pydantic import BaseModel

CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in telling.TOOLS.items()
]
TOOLS = [{"type": "function", **tool["function"]} for tool in CHAT_TOOLS]
ASKED = [{"role": "user", "content": telling.QUESTION}]


class Weather(BaseModel):
    city: str
    degrees: int


class Chat:
    """/v1/chat/completions."""

    def connect(self, url, key):
        return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.code,
            "base": isinstance(error, openai.APIStatusError),
        }

    def chat(self, client, model):
        reply = client.chat.completions.create(model=model, messages=ASKED)
        choice = reply.choices[0]
        usage = reply.usage
        return {
            "text": choice.message.content,
            "finish": choice.finish_reason,
            "input": usage.prompt_tokens,
            "output": usage.completion_tokens,
        }

    def stream(self, client, model):
        chunks = list(
            client.chat.completions.create(
                model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
            )
        )
        usage = chunks[-1].usage
        choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
        return {
            "text": "".join(choice.delta.content or "" for choice in choices),
            "finish": [c.finish_reason for c in choices if c.finish_reason][-1],
            "input": usage.prompt_tokens,
            "output": usage.completion_tokens,
            "pieces": len(choices),
        }

    def tools(self, client, model):
        messages = list(ASKED)
        reply = client.chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
        choice = reply.choices[0]
        return self._answered(client, model, messages, choice.message, choice.finish_reason)

    def _answered(self, client, model, messages, message, finish):
        calls = message.tool_calls
        messages.append(message.model_dump(exclude_none=True))
        messages += (
            {"role": "tool", "tool_call_id": call.id, "content": telling.RESULT} for call in calls
        )
        final = client.chat.completions.create(model=model, messages=messages, tools=CHAT_TOOLS)
        return {
            "calls": [telling.call_of(c.function.name, c.function.arguments, c.id) for c in calls],
            "finish": finish,
            "text": final.choices[0].message.content,
        }

    parallel = tools

    def streamed_tools(self, client, model):
        messages = list(ASKED)
        with client.chat.completions.stream(
            model=model, messages=messages, tools=CHAT_TOOLS
        ) as stream:
            choice = stream.get_final_completion().choices[0]
        return self._answered(client, model, messages, choice.message, choice.finish_reason)

    def structured(self, client, model):
        reply = client.chat.completions.parse(model=model, messages=ASKED, response_format=Weather)
        return {"object": reply.choices[0].message.parsed.model_dump()}

    def embeddings(self, client, model):
        reply = client.embeddings.create(model=model, input=telling.TEXTS)
        return {
            "vectors": len(reply.data),
            "length": len(reply.data[0].embedding),
            "input": reply.usage.prompt_tokens,
        }


class Responses(Chat):
    """/v1/responses."""

    def chat(self, client, model):
        return self._told(client.responses.create(model=model, input=telling.QUESTION))

    def _told(self, reply):
        return {
            "text": reply.output_text,
            "finish": reply.status,
            "input": reply.usage.input_tokens,
            "output": reply.usage.output_tokens,
        }

    def stream(self, client, model):
        events = list(client.responses.create(model=model, input=telling.QUESTION, stream=True))
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        told = self._told(events[-1].response)
        same = told.pop("text") == "".join(pieces)
        return told | {"text": "".join(pieces), "pieces": len(pieces), "same": same}

    def tools(self, client, model):
        asked = list(ASKED)
        reply = client.responses.create(model=model, input=asked, tools=TOOLS)
        return self._finished(client, model, asked, reply)

    def _finished(self, client, model, asked, reply):
        calls = [item for item in reply.output if item.type == "function_call"]
        asked += (item.model_dump(exclude_none=True) for item in reply.output)
        asked += (
            {"type": "function_call_output", "call_id": call.call_id, "output": telling.RESULT}
            for call in calls
        )
        final = client.responses.create(model=model, input=asked, tools=TOOLS)
        return {
            "calls": [telling.call_of(c.name, c.arguments, c.call_id) for c in calls],
            "finish": reply.status,
            "text": final.output_text,
        }

    parallel = tools

    def streamed_tools(self, client, model):
        asked = list(ASKED)
        with client.responses.stream(model=model, input=asked, tools=TOOLS) as stream:
            reply = stream.get_final_response()
        return self._finished(client, model, asked, reply)

    def structured(self, client, model):
        reply = client.responses.parse(model=model, input=ASKED, text_format=Weather)
        assert json.loads(reply.output_text) == reply.output_parsed.model_dump()
        return {"object": reply.output_parsed.model_dump()}


telling.run({"chat": Chat(), "responses": Responses()})
