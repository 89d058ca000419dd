"""Google's SDK: Gemini's generateContent."""

import telling
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

DECLARED = types.GenerateContentConfig(
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(
                    name=name, description=told, parameters_json_schema=schema
                )
                for name, (told, schema) in telling.TOOLS.items()
            ]
        )
    ]
)


class Weather(BaseModel):
    city: str
    degrees: int


class Gemini:
    """/v1beta/models/..."""

    def connect(self, url, key):
        options = types.HttpOptions(base_url=url)
        return genai.Client(api_key=key, http_options=options)

    def told(self, error):
        found = [
            detail["reason"]
            for detail in error.details["error"]["details"]
            if detail["@type"].endswith("ErrorInfo")
        ]
        return {
            "status": error.code,
            "code": found[0].lower(),
            "base": isinstance(error, errors.APIError),
        }

    def _told(self, reply):
        usage = reply.usage_metadata
        return {
            "text": reply.text,
            "finish": reply.candidates[0].finish_reason.value,
            "input": usage.prompt_token_count,
            "output": usage.candidates_token_count,
        }

    def chat(self, client, model):
        return self._told(client.models.generate_content(model=model, contents=telling.QUESTION))

    def stream(self, client, model):
        chunks = list(client.models.generate_content_stream(model=model, contents=telling.QUESTION))
        pieces = [chunk.text for chunk in chunks if chunk.text]
        told = self._told(chunks[-1])
        return told | {"text": "".join(pieces), "pieces": len(pieces)}

    def tools(self, client, model):
        asked = [types.UserContent(telling.QUESTION)]
        reply = client.models.generate_content(model=model, contents=asked, config=DECLARED)
        candidate = reply.candidates[0]
        return self._answered(client, model, asked, candidate.content, candidate.finish_reason)

    parallel = tools

    def streamed_tools(self, client, model):
        asked = [types.UserContent(telling.QUESTION)]
        parts, finish = [], None
        for chunk in client.models.generate_content_stream(
            model=model, contents=asked, config=DECLARED
        ):
            candidate = chunk.candidates[0]
            parts += candidate.content.parts if candidate.content else ()
            finish = candidate.finish_reason or finish
        content = types.Content(role="model", parts=parts)
        return self._answered(client, model, asked, content, finish)

    def _answered(self, client, model, asked, content, finish):
        calls = [part.function_call for part in content.parts if part.function_call]
        results = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"result": telling.RESULT}
                )
            )
            for call in calls
        ]
        final = client.models.generate_content(
            model=model,
            contents=[*asked, content, types.Content(role="user", parts=results)],
            config=DECLARED,
        )
        return {
            "calls": [telling.call_of(call.name, call.args, call.id) for call in calls],
            "finish": finish.value,
            "text": final.text,
        }

    def structured(self, client, model):
        config = types.GenerateContentConfig(
            response_mime_type="application/json", response_schema=Weather
        )
        reply = client.models.generate_content(
            model=model, contents=telling.QUESTION, config=config
        )
        return {"object": reply.parsed.model_dump()}

    def embeddings(self, client, model):
        reply = client.models.embed_content(model=model, contents=telling.TEXTS)
        return {"vectors": len(reply.embeddings), "length": len(reply.embeddings[0].values)}

    def count_tokens(self, client, model):
        counted = client.models.count_tokens(model=model, contents=telling.QUESTION)
        return {"input": counted.total_tokens}


telling.run({"gemini": Gemini()})
