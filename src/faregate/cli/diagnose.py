"""faregate diagnose: why a call is refused, and the way out."""

from typing import Annotated

import typer

from faregate.cli.output import JsonOption
from faregate.core.errors import FaregateError


def diagnose(
    key: Annotated[
        str | None, typer.Option(help="Key of the call: its name or id, as the operator.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(help="Ask as a caller with this key; without it and --key, FAREGATE_API_KEY."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model of the call.")] = None,
    prompt: Annotated[str, typer.Option(help="What the call says to the model.")] = "Hello",
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Output limit of the call.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="The call is streamed.")] = False,
    request: Annotated[
        str | None, typer.Option(help="File with the call's whole body; - is stdin.")
    ] = None,
    path: Annotated[str, typer.Option(help="Path of the call.")] = "/v1/chat/completions",
    header: Annotated[
        list[str] | None,
        typer.Option(help="Header of the call, or of the provider's answer, as 'name: value'."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Address of the gate; without it the local one.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="Explain an answer of this provider instead, offline.")
    ] = None,
    response: Annotated[
        str | None,
        typer.Option(help="With --provider: the file with its answer, or its body; - is stdin."),
    ] = None,
    status: Annotated[
        int | None,
        typer.Option(
            min=100, max=599, help="With --provider: the status, where the file has none."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what would become of a call, and how it would pass.

    Nothing is sent or charged. Exits 0 where the call would pass, 1 where it would be refused.
    With --provider it explains a provider's answer, without a gate.

    Example: faregate diagnose --key billing --model gpt-4o --max-tokens 4000
    """
    # Imported here: an answer is explained without a gate, and without what asks one.
    if provider is not None or response is not None:
        from faregate.cli.provider_answer import diagnose_answer

        answer = _both(provider, response)
        diagnose_answer(*answer, status, header or [], as_json=as_json)
        return
    from faregate.cli.gate_diagnosis import Wish, diagnose_call

    fields = _fields(header or [])
    wish = Wish(
        key=key, api_key=api_key, url=url, path=path, model=model, prompt=prompt,
        max_tokens=max_tokens, stream=stream, request=request, headers=fields,
    )  # fmt: skip
    diagnose_call(wish, as_json=as_json)


def _both(provider: str | None, response: str | None) -> tuple[str, str]:
    if provider is None or response is None:
        missing = "--provider" if provider is None else "--response"
        raise FaregateError(
            f"{missing} is missing", fix="faregate diagnose --provider NAME --response FILE"
        )
    return provider, response


def _fields(headers: list[str]) -> tuple[tuple[str, str], ...]:
    from faregate.providers.answers import parse_field

    try:
        return tuple(map(parse_field, headers))
    except ValueError as error:
        raise FaregateError(str(error), fix="such as --header 'faregate-run: 7'") from None
