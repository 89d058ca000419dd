"""LangChain's models for OpenAI's two APIs and Anthropic's."""

import anthropic
import openai
import telling
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

TOOLS = [
    {"type": "function", "function": {"name": name, "description": told, "parameters": schema}}
    for name, (told, schema) in telling.TOOLS.items()
]


class Weather(BaseModel):
    """The weather."""

    city: str
    degrees: int


class Chat:
    """ChatOpenAI by chat completions."""

    def connect(self, url, key):
        def client(model):
            return ChatOpenAI(
                base_url=f"{url}/v1", api_key=key, model=model, max_retries=0, stream_usage=True
            )

        client.url, client.key = url, key
        return client

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.code,
            "base": isinstance(error, openai.APIStatusError),
        }

    def _told(self, reply):
        said = reply.response_metadata
        usage = reply.usage_metadata
        return {
            "text": reply.text,
            "finish": said.get("finish_reason") or said.get("stop_reason") or said.get("status"),
            "input": usage["input_tokens"],
            "output": usage["output_tokens"],
        }

    def chat(self, client, model):
        return self._told(client(model).invoke(telling.QUESTION))

    def stream(self, client, model):
        chunks = list(client(model).stream(telling.QUESTION))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return self._told(whole) | {"pieces": sum(bool(chunk.text) for chunk in chunks)}

    def tools(self, client, model):
        asked = [HumanMessage(telling.QUESTION)]
        bound = client(model).bind_tools(TOOLS)
        return self._answered(bound, asked, bound.invoke(asked))

    parallel = tools

    def streamed_tools(self, client, model):
        asked = [HumanMessage(telling.QUESTION)]
        bound = client(model).bind_tools(TOOLS)
        chunks = list(bound.stream(asked))
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        return self._answered(bound, asked, whole)

    def _answered(self, bound, asked, reply):
        results = [
            ToolMessage(telling.RESULT, tool_call_id=call["id"]) for call in reply.tool_calls
        ]
        final = bound.invoke([*asked, reply, *results])
        return {
            "calls": [telling.call_of(c["name"], c["args"], c["id"]) for c in reply.tool_calls],
            "finish": self._told(reply)["finish"],
            "text": final.text,
        }

    def structured(self, client, model):
        reply = client(model).with_structured_output(Weather, method="json_schema")
        return {"object": reply.invoke(telling.QUESTION).model_dump()}

    def embeddings(self, client, model):
        embeddings = OpenAIEmbeddings(
            base_url=f"{client.url}/v1",
            api_key=client.key,
            model=model,
            check_embedding_ctx_length=False,  # it would count by a file that it has to fetch
        )
        vectors = embeddings.embed_documents(telling.TEXTS)
        return {"vectors": len(vectors), "length": len(vectors[0])}


class Responses(Chat):
    """ChatOpenAI by responses."""

    def connect(self, url, key):
        def client(model):
            return ChatOpenAI(
                base_url=f"{url}/v1",
                api_key=key,
                model=model,
                max_retries=0,
                use_responses_api=True,
            )

        return client


class Messages(Chat):
    """ChatAnthropic."""

    def connect(self, url, key):
        def client(model):
            return ChatAnthropic(
                base_url=url, api_key=key, model=model, max_retries=0, max_tokens=2_000
            )

        return client

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.error_code,
            "base": isinstance(error, anthropic.APIStatusError),
        }


telling.run({"chat": Chat(), "responses": Responses(), "messages": Messages()})
