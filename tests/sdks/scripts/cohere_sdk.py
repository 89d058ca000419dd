"""Cohere's SDK: the second version of its API."""

import cohere
import telling
from cohere.core.api_error import ApiError

TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in telling.TOOLS.items()
]
ASKED = [{"role": "user", "content": telling.QUESTION}]


class Chat:
    """/v2/chat."""

    def connect(self, url, key):
        return cohere.ClientV2(
            api_key=key, base_url=url, max_retries=0, log_warning_experimental_features=False
        )

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.body["details"]["code"],
            "base": isinstance(error, ApiError),
        }

    def _told(self, reply):
        tokens = reply.usage.tokens
        return {
            "text": "".join(part.text for part in reply.message.content or ()),
            "finish": reply.finish_reason,
            "input": tokens.input_tokens,
            "output": tokens.output_tokens,
        }

    def chat(self, client, model):
        return self._told(client.chat(model=model, messages=ASKED))

    def stream(self, client, model):
        events = list(client.chat_stream(model=model, messages=ASKED))
        pieces = [e.delta.message.content.text for e in events if e.type == "content-delta"]
        [end] = [event.delta for event in events if event.type == "message-end"]
        return {
            "text": "".join(pieces),
            "finish": end.finish_reason,
            "input": end.usage.tokens.input_tokens,
            "output": end.usage.tokens.output_tokens,
            "pieces": len(pieces),
        }

    def tools(self, client, model):
        reply = client.chat(model=model, messages=ASKED, tools=TOOLS)
        calls = [
            {"id": c.id, "type": "function", "function": c.function.dict()}
            for c in reply.message.tool_calls
        ]
        return self._answered(client, model, calls, reply.finish_reason)

    parallel = tools

    def streamed_tools(self, client, model):
        calls, finish = [], None
        for event in client.chat_stream(model=model, messages=ASKED, tools=TOOLS):
            if event.type == "tool-call-start":
                call = event.delta.message.tool_calls
                calls.append({"id": call.id, "type": "function", "function": call.function.dict()})
            elif event.type == "tool-call-delta":
                more = event.delta.message.tool_calls.function.arguments
                calls[event.index]["function"]["arguments"] += more
            elif event.type == "message-end":
                finish = event.delta.finish_reason
        return self._answered(client, model, calls, finish)

    def _answered(self, client, model, calls, finish):
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": telling.RESULT}
            for call in calls
        ]
        final = client.chat(
            model=model,
            messages=[*ASKED, {"role": "assistant", "tool_calls": calls}, *results],
            tools=TOOLS,
        )
        return {
            "calls": [
                telling.call_of(c["function"]["name"], c["function"]["arguments"], c["id"])
                for c in calls
            ],
            "finish": finish,
            "text": self._told(final)["text"],
        }

    def structured(self, client, model):
        wanted = {"type": "json_object", "json_schema": telling.SCHEMA}
        reply = client.chat(model=model, messages=ASKED, response_format=wanted)
        return {"object": telling.json.loads(reply.message.content[0].text)}

    def embeddings(self, client, model):
        reply = client.embed(
            model=model,
            texts=telling.TEXTS,
            input_type="search_document",
            embedding_types=["float"],
        )
        vectors = reply.embeddings.float_
        return {"vectors": len(vectors), "length": len(vectors[0])}


telling.run({"chat": Chat()})
