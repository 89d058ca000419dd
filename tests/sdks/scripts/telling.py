"""Runs the cases of one SDK and prints what happened, a line of JSON each.

The task comes by standard input: the gate's address, keys, and the cases to run as
[surface, case, back end]. A surface is one of the APIs that the SDK speaks. What goes wrong is
told, too; the one who asked judges.
"""

import json
import sys
import traceback
from types import SimpleNamespace

QUESTION = "What is the weather in Köln?"
TOOLS = {  # name: description, schema
    "get_weather": (
        "The weather of a city.",
        {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Its name."}},
            "required": ["city"],
        },
    ),
    "get_time": (
        "The time in a zone.",
        {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    ),
}
RESULT = "22 degrees"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
TEXTS = ["one", "two"]
ERRORS = {  # case: the key and the model that bring it about
    "bad key": ("bad", "openai-plain"),
    "unknown model": ("good", "no-such-model"),
    "no credit": ("broke", "openai-plain"),
    "rate limit": ("limited", "openai-plain"),
    "provider down": ("good", "dead"),
    "provider overloaded": ("good", "overloaded"),
}
DEEDS = {
    "tools": "tool",
    "streamed tools": "tool",
    "parallel": "tools",
    "structured": "json",
}


def model_of(case, back_end):
    """The model that does what a case needs."""
    if back_end == "local":
        return "smollm2"
    if case == "embeddings":
        return "gemini-embedding-001" if back_end == "gemini" else f"embed-{back_end}"
    return f"{back_end}-{DEEDS.get(case, 'plain')}"


def run(surfaces):
    """`surfaces`: by name, an object with a method for each case.

    `connect(url, key)` gives a client, `told(error)` what can be read of an exception.
    """
    task = SimpleNamespace(**json.load(sys.stdin))
    clients = {}
    for surface, case, back_end in task.calls:
        about = {"surface": surface, "case": case, "back_end": back_end}
        found = surfaces[surface]
        key, model = ERRORS.get(case, ("good", None))
        try:
            if (surface, key) not in clients:
                clients[surface, key] = found.connect(task.url, task.keys[key])
            client = clients[surface, key]
            if model is not None:
                facts = expect_error(found, client, model)
            else:
                facts = getattr(found, case.replace(" ", "_"))(client, model_of(case, back_end))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            words = f"{type(error).__name__}: {error}"[:1_500]
            facts = {"failed": words, "at": f"{place.filename}:{place.lineno}"}
        print(json.dumps(about | facts), flush=True)


def expect_error(surface, client, model):
    """What the exception says, where a call is refused."""
    try:
        surface.chat(client, model)
    except Exception as error:
        return {"exception": type(error).__name__} | surface.told(error)
    return {"failed": "no exception"}


def call_of(name, arguments, call_id):
    """How a tool's call is told."""
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return {"name": name, "arguments": arguments, "id": call_id}
