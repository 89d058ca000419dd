"""Probabilities of tokens, in Gemini's form and that of OpenAI's chat.

Source: Gemini API, "Generating content" (LogprobsResult).
"""

from typing import Any

from faregate.dialects.shapes import Object


def read(result: Any) -> list[Object] | None:
    """Tokens as OpenAI's chat writes them; None where nothing is told."""
    if not isinstance(result, dict) or not isinstance(result.get("chosenCandidates"), list):
        return None
    tops = result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    made: list[Object] = []
    for at, chosen in enumerate(result["chosenCandidates"]):
        token = _token(chosen)
        if token is None:
            return None
        top = tops[at].get("candidates") if at < len(tops) and isinstance(tops[at], dict) else None
        token["top_logprobs"] = [
            other for one in (top if isinstance(top, list) else ()) if (other := _token(one))
        ]
        made.append(token)
    return made


def _token(candidate: Any) -> Object | None:
    if not isinstance(candidate, dict) or not isinstance(candidate.get("token"), str):
        return None
    token = candidate["token"]
    logprob = candidate.get("logProbability", 0.0)
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def written(tokens: Any) -> Object | None:
    """The same as Gemini states it; None where it isn't a list of tokens."""
    if not isinstance(tokens, list) or not tokens:
        return None
    if not all(isinstance(one, dict) and isinstance(one.get("token"), str) for one in tokens):
        return None
    return {
        "chosenCandidates": [_candidate(one) for one in tokens],
        "topCandidates": [
            {"candidates": [_candidate(other) for other in one.get("top_logprobs") or ()]}
            for one in tokens
        ],
    }


def _candidate(token: Object) -> Object:
    return {"token": token["token"], "logProbability": token.get("logprob")}
