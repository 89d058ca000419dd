"""Pydantic AI, whose agents run the tools themselves."""

import openai
import telling
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider


class Weather(BaseModel):
    city: str
    degrees: int


def get_weather(city: str) -> str:
    """The weather of a city."""
    return telling.RESULT


def get_time(zone: str) -> str:
    """The time in a zone."""
    return telling.RESULT


class Chat:
    """OpenAIChatModel."""

    kind = staticmethod(OpenAIChatModel)

    def connect(self, url, key):
        client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        return OpenAIProvider(openai_client=client)

    def told(self, error):
        return {
            "status": error.status_code,
            "code": error.body["code"],
            "base": isinstance(error, ModelHTTPError),
        }

    def _agent(self, client, model, **more):
        return Agent(self.kind(model, provider=client), **more)

    def _told(self, result):
        usage = result.usage
        replies = [each for each in result.all_messages() if isinstance(each, ModelResponse)]
        return {
            "finish": replies[-1].finish_reason,
            "input": usage.input_tokens,
            "output": usage.output_tokens,
        }

    def chat(self, client, model):
        result = self._agent(client, model).run_sync(telling.QUESTION)
        return self._told(result) | {"text": result.output}

    def stream(self, client, model):
        result = self._agent(client, model).run_stream_sync(telling.QUESTION)
        pieces = list(result.stream_text(delta=True, debounce_by=None))
        return self._told(result) | {"text": "".join(pieces), "pieces": len(pieces)}

    def tools(self, client, model):
        agent = self._agent(client, model, tools=[get_weather, get_time])
        return self._called(agent.run_sync(telling.QUESTION))

    parallel = tools

    def streamed_tools(self, client, model):
        agent = self._agent(client, model, tools=[get_weather, get_time])
        result = agent.run_stream_sync(telling.QUESTION)
        text = "".join(result.stream_text(delta=True, debounce_by=None))
        return self._called(result, text)

    def _called(self, result, text=None):
        replies = [each for each in result.all_messages() if isinstance(each, ModelResponse)]
        calls = [
            telling.call_of(part.tool_name, part.args_as_dict(), part.tool_call_id)
            for reply in replies
            for part in reply.parts
            if isinstance(part, ToolCallPart)
        ]
        return {
            "calls": calls,
            "finish": replies[0].finish_reason,
            "text": result.output if text is None else text,
        }

    def structured(self, client, model):
        agent = self._agent(client, model, output_type=NativeOutput(Weather))
        return {"object": agent.run_sync(telling.QUESTION).output.model_dump()}


class Responses(Chat):
    """OpenAIResponsesModel."""

    kind = staticmethod(OpenAIResponsesModel)


telling.run({"chat": Chat(), "responses": Responses()})
