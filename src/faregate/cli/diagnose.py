"""faregate diagnose: why a call is refused, or would be, and the way out."""

from typing import Annotated

import typer

from faregate.cli.output import JsonOption
from faregate.core.errors import FaregateError


def diagnose(
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
    header: Annotated[
        list[str] | None,
        typer.Option(help="With --provider: a header of the answer, as 'name: value'."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Explain a refusal, without sending anything to anyone.

    Example: faregate diagnose --provider openai --response answer.txt
    """
    if provider is not None or response is not None:
        if provider is None or response is None:
            missing = "--provider" if provider is None else "--response"
            raise FaregateError(
                f"{missing} is missing",
                fix="faregate diagnose --provider NAME --response FILE",
            )
        from faregate.cli.provider_answer import diagnose_answer

        diagnose_answer(provider, response, status, header or [], as_json=as_json)
        return
    raise FaregateError(
        "nothing to explain", fix="faregate diagnose --provider NAME --response FILE"
    )
