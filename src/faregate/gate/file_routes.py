"""The plans of files and batches."""

from typing import Any, Final

from faregate.gate import answers, batches, files, message_batches, phases
from faregate.gate.phases import Phase, PhasedStep, Plan, Step

Methods = dict[bytes, Plan]

FILE_PATHS: Final = ("/v1/files", "/v1/files/{id}", "/v1/files/{id}/content")
BATCH_PATHS: Final = (
    "/v1/batches",
    "/v1/batches/{id}",
    "/v1/batches/{id}/cancel",
    "/v1/messages/batches",
    "/v1/messages/batches/{id}",
    "/v1/messages/batches/{id}/cancel",
    "/v1/messages/batches/{id}/results",
)


def file_routes(
    identify: PhasedStep, *, with_batches: bool
) -> tuple[dict[bytes, Methods], dict[bytes, Methods]]:
    """Plans by path, and by what a path begins with."""
    exact = {
        files.FILES_PATH: _methods(
            identify, "/v1/files", "openai", GET=files.list_files, POST=files.upload_file
        )
    }
    below = {
        files.FILES_PATH + b"/": _methods(
            identify, "/v1/files/{id}", "openai", GET=files.show_file, DELETE=files.delete_file
        )
    }
    if not with_batches:
        return exact, below
    path = batches.BATCHES_PATH
    exact[path] = _methods(
        identify, "/v1/batches", "openai", GET=batches.list_batches, POST=batches.create_batch
    )
    below[path + b"/"] = _methods(
        identify, "/v1/batches/{id}", "openai", GET=batches.show_batch, POST=batches.cancel_batch
    )
    path = message_batches.MESSAGE_BATCHES_PATH
    exact[path] = _methods(
        identify,
        "/v1/messages/batches",
        "anthropic",
        GET=message_batches.list_message_batches,
        POST=message_batches.create_message_batch,
    )
    below[path + b"/"] = _methods(
        identify,
        "/v1/messages/batches/{id}",
        "anthropic",
        GET=message_batches.show_message_batch,
        POST=message_batches.post_message_batch,
        DELETE=message_batches.delete_message_batch,
    )
    return exact, below


def _methods(identify: PhasedStep, route: str, dialect: str, **steps: Step) -> Methods:
    made: Methods = {}
    for method, step in steps.items():
        last = PhasedStep(Phase.SEND, step)
        if method == "POST":
            read = PhasedStep(Phase.VALIDATE, phases.decode_body)
            made[b"POST"] = Plan(route, [identify, read, last], dialect=dialect)
        else:
            made[method.encode()] = Plan(route, [identify, last], dialect=dialect)
    if b"GET" in made:
        made[b"HEAD"] = made[b"GET"]
    allowed = ", ".join(sorted(method.decode() for method in (*made, b"OPTIONS")))
    answer = answers.say_methods(allowed)

    def say_methods(_call: Any) -> answers.Answer:
        return answer

    made[b"OPTIONS"] = Plan("options", [PhasedStep(Phase.SEND, say_methods)])
    return made
