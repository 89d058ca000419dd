"""Adds up what a request puts into a model: texts, tokens of the rest.

It knows the places where any of the dialects has media: whoever writes one dialect's members into
another's request has them passed over by its vendor. What stands anywhere else counts as text.
Members are known in whatever case, with or without underscores, for some readers take both.

Sources: OpenAI API reference, "Chat", "Responses" (input items); Anthropic, "Messages" (content
blocks), "PDF support", "Files API"; Gemini API, "Generating content" (Part, FunctionResponse),
"Embeddings"; Ollama, "API" (images); Cohere API v2 reference, "Embed"; Jina AI, "Embeddings API".
"""

from json.encoder import encode_basestring
from typing import Final

# Some models are told what an input is for, or are shown a query beside each document.
PREFIX_TOKENS: Final = 16

_CONVERSATIONS: Final = frozenset({"messages", "contents", "inputs", "requests"})
_INSTRUCTIONS: Final = frozenset({"content", "system", "systeminstruction", "instructions"})
_PROMPTS: Final = frozenset({"prompt", "input", "texts", "inputtext"})
_IMAGES: Final = frozenset({"imageurl", "image", "images", "inputimage"})
_AUDIO: Final = frozenset({"inputaudio"})
_UNSEEN: Final = frozenset({"file", "videourl", "audiourl"})
_CONVERSED: Final = frozenset({"document", "video"})  # Bedrock's Converse
_REFERRED: Final = frozenset({"fileid", "fileurl", "fileuri"})
_NESTED: Final = frozenset(
    {"content", "output", "outputs", "parts", "functionresponse", "toolresponse"}
)
_PAYLOADS: Final = frozenset({"data", "filedata", "bytes"})
_TEXTS: Final = frozenset({"role", "name"})


def plain(name: str) -> str:
    """A member's name without what tells spellings apart."""
    return name.lower().replace("_", "")


class Tally:
    """Texts that will be tokens, and tokens of all that isn't text."""

    def __init__(self, image: int, around: int, message: int, audio_bytes: int, pages: int) -> None:
        self._image = image
        self._around = around
        self._message = message
        self._audio_bytes = audio_bytes
        self._pages = pages
        self.texts: list[str] = []
        self.tokens = 0

    def known(self, name: str, value: object) -> bool:
        """Count a request's own member; whether it is put into the model."""
        if name in _CONVERSATIONS:
            self.messages(value)
        elif name in _INSTRUCTIONS:
            self._content(value)
        elif name in _PROMPTS:
            self.prompts(value)
        elif name in _IMAGES:
            self._images(value)
        else:
            return False
        return True

    def messages(self, value: object) -> None:
        """Messages of a chat, or whatever stands in their place."""
        if isinstance(value, list):
            for one in value:
                self.messages(one)
        elif isinstance(value, dict):
            self._one_message(value)
        else:
            self.json(value)

    def prompts(self, value: object) -> None:
        """A text, tokens, an item, or a list of any of them; a number is a token."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if isinstance(one, list):
                self.tokens += sum(isinstance(token, int) for token in one) + self._around
                waiting += [other for other in one if not isinstance(other, int)]
            elif isinstance(one, dict):
                self._one_message(one)
            else:
                self.json(one)

    def documents(self, value: object, query: object) -> None:
        """Texts that are ranked: each is read together with the query."""
        each = value if isinstance(value, list) else [value]
        for one in each:
            self.messages(one)
        again = len(query.encode(errors="surrogatepass")) if isinstance(query, str) else 0
        self.tokens += len(each) * (again + PREFIX_TOKENS)

    def json(self, value: object) -> None:
        """Anything, as it stands there; numbers are the lengths of their texts."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            self.tokens += self._around
            if isinstance(one, str):
                self.texts.append(one)
                # Templates put JSON in as JSON, with its escapes.
                self.tokens += len(encode_basestring(one)) - len(one) - 2
            elif isinstance(one, dict):
                waiting += one
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one
            elif isinstance(one, int):
                self.tokens += max(one, 5)

    def _one_message(self, message: dict[str, object]) -> None:
        self.tokens += self._message
        kind = _kind(message)
        for name, value in message.items():
            known = plain(name)
            if known in _NESTED:
                self._content(value)
            elif known in _IMAGES or known in _REFERRED or known == "filedata":
                self._member(name, value, kind)
            elif known in _TEXTS and isinstance(value, str):
                self.texts.append(value)
            elif known == "result" and kind == "image_generation_call":
                self._images(value)
            else:
                if known == "audio":  # an earlier answer, spoken; named by its id
                    self.tokens += self._image
                self.json({name: value})

    def _content(self, value: object) -> None:
        if isinstance(value, str):
            self.texts.append(value)
        elif isinstance(value, list):
            for part in value:
                self._content(part)
        elif isinstance(value, dict):
            kind = _kind(value)
            for name, member in value.items():
                self._member(name, member, kind)
        elif value is not None:
            self.json(value)

    def _member(self, name: str, value: object, kind: str) -> None:
        """A member of a part of a message: its text, a medium, or what else there is."""
        known = plain(name)
        if known in _NESTED:
            self._content(value)
        elif known == "images":
            self._images(value)
        elif known in _IMAGES:  # a list is of values that stand twice
            self.tokens += self._image
            self._picture(value)
        elif known in _REFERRED:
            self._named(kind)
            self.json({name: value})
        elif known in ("inlinedata", "filedata") and isinstance(value, dict):
            self._blob(value)
        elif known == "source" and isinstance(value, dict):
            self._source(value, kind)
        elif known in _UNSEEN or known == "filedata":
            self.tokens += self._image * self._pages
            self._within(name, value)
        elif known in _CONVERSED and isinstance(value, dict):
            self.tokens += self._image * self._pages
            self.json(value)
        elif known in _AUDIO:
            self._within(name, value, is_audio=True)
        else:
            self.json({name: value})

    def _named(self, kind: str) -> None:
        """What isn't here: an image, or anything."""
        self.tokens += self._image if "image" in kind else self._image * self._pages

    def _images(self, value: object) -> None:
        """One image or several: base64, an address, or an object with either."""
        for one in value if isinstance(value, list) else [value]:
            self.tokens += self._image
            self._picture(one)

    def _picture(self, value: object) -> None:
        """What stands for an image, beside the image itself."""
        for one in value if isinstance(value, list) else [value]:
            for name, member in one.items() if isinstance(one, dict) else [("data", one)]:
                if not isinstance(member, str):
                    self.json({name: member})
                elif member.startswith("data:") and not member.startswith("data:image/"):
                    self.tokens += self._image * self._pages
                    self._payload(member[:64], member)
                elif not (plain(name) in _PAYLOADS or member.startswith("data:")):
                    self.json({name: member})

    def _blob(self, blob: dict[str, object]) -> None:
        """Gemini's media: their type, with the bytes or the address of them."""
        named = {plain(name): member for name, member in blob.items()}
        mime = named.pop("mimetype", "")
        payload = named.pop("data", None)
        self._typed(str(mime).lower(), payload)
        self.json([mime, *named.values()])

    def _source(self, source: dict[str, object], kind: str) -> None:
        """Anthropic's media: base64, an address, a file, a text, or content."""
        named = {plain(name): member for name, member in source.items()}
        form = named.pop("type", "")
        if form == "content":
            self._content(named.get("content"))
        elif form == "base64":
            self._typed(str(named.get("mediatype", "")).lower(), named.pop("data", None))
        elif form != "text":
            self._named(kind)
        self.json(list(named.values()))

    def _typed(self, mime: str, payload: object) -> None:
        if mime.startswith("image/"):
            self.tokens += self._image
        elif not mime.startswith(("audio/", "text/")) or not isinstance(payload, str):
            self.tokens += self._image * self._pages
        if isinstance(payload, str):
            self._payload(mime, payload)
        elif payload is not None:
            self.json(payload)

    def _within(self, name: str, value: object, *, is_audio: bool = False) -> None:
        members = value if isinstance(value, dict) else {name: value}
        for inner, member in members.items():
            if isinstance(member, str) and (
                member.startswith("data:") or plain(inner) in _PAYLOADS
            ):
                self._payload("audio/" if is_audio else member[:64], member)
            else:
                self.json({inner: member})

    def _payload(self, mime: str, payload: str) -> None:
        """What bytes add to the images that stand for pages: sound, or a text."""
        size = len(payload) * 3 // 4
        mime = mime.removeprefix("data:")
        if mime.startswith(("audio/", "video/")):
            self.tokens += size // self._audio_bytes + 1
        elif not mime.startswith(("image/", "application/pdf")):
            self.tokens += size + 1  # a file of plain text is read as text


def _kind(part: dict[str, object]) -> str:
    for name, value in part.items():
        if name.lower() == "type" and isinstance(value, str):
            return value.lower()
    return ""
