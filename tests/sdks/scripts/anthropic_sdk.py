"""Anthropic's SDK: messages."""

import anthropic
import telling
from pydantic import BaseModel

TOOLS = [
    {"name": name, "description": told, "input_schema": schema}
    for name, (told, schema) in telling.TOOLS.items()
]
ASKED = [{"role": "user", "content": telling.QUESTION}]
LIMIT = 2_000


class Weather(BaseModel):
    city: str
    degrees: int


class Messages:
    """/v1/messages."""

    def connect(self, url, key):
        return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.error_code,
            "base": isinstance(error, anthropic.APIStatusError),
        }

    def _told(self, reply):
        return {
            "text": "".join(block.text for block in reply.content if block.type == "text"),
            "finish": reply.stop_reason,
            "input": reply.usage.input_tokens,
            "output": reply.usage.output_tokens,
        }

    def chat(self, client, model):
        return self._told(client.messages.create(model=model, max_tokens=LIMIT, messages=ASKED))

    def stream(self, client, model):
        with client.messages.stream(model=model, max_tokens=LIMIT, messages=ASKED) as stream:
            pieces = list(stream.text_stream)
            final = self._told(stream.get_final_message())
        same = final.pop("text") == "".join(pieces)
        return final | {"text": "".join(pieces), "pieces": len(pieces), "same": same}

    def tools(self, client, model):
        reply = client.messages.create(model=model, max_tokens=LIMIT, messages=ASKED, tools=TOOLS)
        return self._answered(client, model, reply)

    parallel = tools

    def streamed_tools(self, client, model):
        with client.messages.stream(
            model=model, max_tokens=LIMIT, messages=ASKED, tools=TOOLS
        ) as stream:
            reply = stream.get_final_message()
        return self._answered(client, model, reply)

    def _answered(self, client, model, reply):
        calls = [block for block in reply.content if block.type == "tool_use"]
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": telling.RESULT}
            for call in calls
        ]
        final = client.messages.create(
            model=model,
            max_tokens=LIMIT,
            tools=TOOLS,
            messages=[
                *ASKED,
                {"role": "assistant", "content": reply.content},
                {"role": "user", "content": results},
            ],
        )
        return {
            "calls": [telling.call_of(call.name, call.input, call.id) for call in calls],
            "finish": reply.stop_reason,
            "text": self._told(final)["text"],
        }

    def structured(self, client, model):
        reply = client.messages.parse(
            model=model, max_tokens=LIMIT, messages=ASKED, output_format=Weather
        )
        return {"object": reply.parsed_output.model_dump()}

    def count_tokens(self, client, model):
        return {"input": client.messages.count_tokens(model=model, messages=ASKED).input_tokens}


telling.run({"messages": Messages()})
