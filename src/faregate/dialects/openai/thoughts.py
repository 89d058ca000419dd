"""Thoughts in chat, as the followers of OpenAI write them.

Text stands as `reasoning_content` (DeepSeek, Qwen, vLLM) or `reasoning` (OpenRouter, newer vLLM);
what proves it as `reasoning_details`, a list of reasoning.text, .summary and .encrypted, which
callers give back as they got it. An entry names its `format` where OpenRouter passes on several
vendors' thoughts: it is kept in front of the signature that it belongs to.

Sources: DeepSeek, "Thinking mode"; vLLM, "Reasoning outputs"; OpenRouter, "Reasoning tokens".
"""

from collections.abc import Iterable
from typing import Any, Final

from faregate.dialects.neutral.parts import Thinking, read_signature, shown_signature

_FORMAT_END: Final = "|"


def pack(proof: str, format_name: object) -> str:
    """A proof with the name of its format, which must be given back with it."""
    return f"{format_name}{_FORMAT_END}{proof}" if isinstance(format_name, str) else proof


def _unpack(proof: str) -> tuple[str | None, str]:
    name, mark, rest = proof.partition(_FORMAT_END)
    return (name, rest) if mark else (None, proof)


def read_proof(entry: dict[str, Any], name: str, dialect: str) -> tuple[str, str] | None:
    """An entry's proof and its origin."""
    shown = entry.get(name)
    if not isinstance(shown, str) or not shown:
        return None
    proof, origin = read_signature(shown, dialect)
    return (pack(proof, entry.get("format")) if origin == dialect else proof), origin


def write_proof(proof: str, name: str, origin: str, dialect: str) -> dict[str, str]:
    """The members of an entry that has a proof."""
    if origin and origin != dialect:
        return {name: shown_signature(proof, origin, dialect)}
    format_name, proof = _unpack(proof)
    return {name: proof} if format_name is None else {name: proof, "format": format_name}


class _Thought:
    """A thought that is put together from its entries."""

    __slots__ = ("id", "index", "is_summary", "origin", "redacted", "signature", "text")

    def __init__(self, index: object) -> None:
        self.index = index
        self.text = ""
        self.is_summary = False
        self.signature: str | None = None
        self.redacted: str | None = None
        self.id: str | None = None
        self.origin = ""

    def takes(self, entry: dict[str, Any]) -> bool:
        """Whether the entry goes on with this thought."""
        if self.index is None or entry.get("index") != self.index or self.redacted is not None:
            return False
        kind = entry.get("type")
        if kind == "reasoning.encrypted":
            return self.is_summary and self.signature is None
        return self.is_summary == (kind == "reasoning.summary")

    def add(self, entry: dict[str, Any], dialect: str) -> None:
        kind = entry.get("type")
        if kind == "reasoning.encrypted":
            proof = read_proof(entry, "data", dialect)
        else:
            said = entry.get("summary" if kind == "reasoning.summary" else "text")
            self.text += said if isinstance(said, str) else ""
            self.is_summary = kind == "reasoning.summary"
            proof = read_proof(entry, "signature", dialect)
        stated_id = entry.get("id")
        if isinstance(stated_id, str):
            self.id = stated_id
        if proof is not None:
            if kind == "reasoning.encrypted" and not self.is_summary:
                self.redacted, self.origin = proof
            else:
                self.signature, self.origin = proof

    def part(self) -> Thinking:
        return Thinking(
            self.text, self.signature, self.redacted, self.id, self.is_summary, self.origin
        )


def read_details(details: Iterable[object], dialect: str) -> list[Thinking]:
    """The thoughts that `reasoning_details` are, put together by index."""
    found: list[_Thought] = []
    for entry in details:
        if not isinstance(entry, dict):
            continue
        if not found or not found[-1].takes(entry):
            found.append(_Thought(entry.get("index")))
        found[-1].add(entry, dialect)
    return [thought.part() for thought in found]


def read_thoughts(details: object, said: str | None, dialect: str) -> list[Thinking]:
    """A message's thoughts, from its details and its plain text."""
    thoughts = read_details(details, dialect) if isinstance(details, list) else []
    if said and not any(thought.text for thought in thoughts):
        return [Thinking(said), *thoughts]
    return thoughts


def write_details(thought: Thinking, index: int, dialect: str) -> list[dict[str, Any]]:
    """The entries of one thought."""
    written: list[dict[str, Any]] = []
    about: dict[str, Any] = {"index": index}
    if thought.id is not None:
        about["id"] = thought.id
    if thought.is_summary:
        written.append({"type": "reasoning.summary", "summary": thought.text} | about)
        proof = thought.signature or thought.redacted
    else:
        proof = thought.redacted
        if thought.text or thought.signature is not None or proof is None:
            entry = {"type": "reasoning.text", "text": thought.text} | about
            if thought.signature is not None:
                entry |= write_proof(thought.signature, "signature", thought.origin, dialect)
            written.append(entry)
    if proof is not None:
        shown = write_proof(proof, "data", thought.origin, dialect)
        written.append({"type": "reasoning.encrypted"} | shown | about)
    return written


def write_message_thoughts(thoughts: list[Thinking], dialect: str) -> dict[str, Any]:
    """The members of a message that has thoughts, for a caller."""
    said = "\n\n".join(thought.text for thought in thoughts if thought.text)
    entries = [
        entry
        for at, thought in enumerate(thoughts)
        for entry in write_details(thought, at, dialect)
    ]
    written: dict[str, Any] = {"reasoning_details": entries}
    return {"reasoning_content": said, "reasoning": said} | written if said else written
