"""Ollama's SDK: its own chat and generate."""

import json

import ollama
import telling

TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in telling.TOOLS.items()
]
ASKED = [{"role": "user", "content": telling.QUESTION}]


class Chat:
    """/api/chat."""

    def connect(self, url, key):
        return ollama.Client(host=url, headers={"authorization": f"Bearer {key}"})

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.error.rpartition("(")[2].partition(")")[0],
            "base": isinstance(error, ollama.ResponseError),
        }

    def _ask(self, client, model, **more):
        return client.chat(model=model, messages=ASKED, **more)

    def _text(self, reply):
        return reply.message.content

    def _told(self, reply):
        return {
            "finish": reply.done_reason,
            "input": reply.prompt_eval_count,
            "output": reply.eval_count,
        }

    def chat(self, client, model):
        reply = self._ask(client, model)
        return self._told(reply) | {"text": self._text(reply)}

    def stream(self, client, model):
        chunks = list(self._ask(client, model, stream=True))
        pieces = [self._text(chunk) for chunk in chunks if self._text(chunk)]
        return self._told(chunks[-1]) | {"text": "".join(pieces), "pieces": len(pieces)}

    def tools(self, client, model):
        reply = self._ask(client, model, tools=TOOLS)
        return self._answered(client, model, reply.message.tool_calls, reply.done_reason)

    parallel = tools

    def streamed_tools(self, client, model):
        calls, finish = [], None
        for chunk in self._ask(client, model, tools=TOOLS, stream=True):
            calls += chunk.message.tool_calls or ()
            finish = chunk.done_reason or finish
        return self._answered(client, model, calls, finish)

    def _answered(self, client, model, calls, finish):
        results = [
            {"role": "tool", "tool_name": call.function.name, "content": telling.RESULT}
            for call in calls
        ]
        said = {"role": "assistant", "content": "", "tool_calls": calls}
        final = client.chat(model=model, messages=[*ASKED, said, *results], tools=TOOLS)
        return {
            "calls": [
                telling.call_of(call.function.name, dict(call.function.arguments), None)
                for call in calls
            ],
            "finish": finish,
            "text": final.message.content,
        }

    def structured(self, client, model):
        return {"object": json.loads(self._text(self._ask(client, model, format=telling.SCHEMA)))}

    def embeddings(self, client, model):
        reply = client.embed(model=model, input=telling.TEXTS)
        return {"vectors": len(reply.embeddings), "length": len(reply.embeddings[0])}


class Generate(Chat):
    """/api/generate."""

    def _ask(self, client, model, **more):
        return client.generate(model=model, prompt=telling.QUESTION, **more)

    def _text(self, reply):
        return reply.response


telling.run({"chat": Chat(), "generate": Generate()})
