"""How the simulator's tests ask its router, without a socket."""

import h11
import msgspec

from faregate.simulator.plan import Flood, Send
from faregate.simulator.routing import Router


class Said:
    """An answer: its status, its headers, its body."""

    def __init__(self, data):
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="POST", target="/", headers=[("host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        head, body = client.next_event(), bytearray()
        while isinstance(event := client.next_event(), h11.Data):
            body += event.data
        self.status = head.status_code
        self.headers = {n.decode(): v.decode() for n, v in head.headers}
        self.body = bytes(body)

    @property
    def json(self):
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def events(self):
        """The data of server-sent events, decoded but for the one that ends a stream."""
        lines = (line for line in self.body.split(b"\n") if line.startswith(b"data: "))
        return [msgspec.json.decode(d) for line in lines if (d := line[6:]) != b"[DONE]"]


def ask(path, body=None, *, method="POST", headers=None, simulate=None, router=None):
    """What `router` answers."""
    sent = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    fields = [(n.encode(), v.encode()) for n, v in (headers or {}).items()]
    plan = (router or Router(None)).plan(
        method.encode(), path.encode(), sent, simulate and simulate.encode(), fields
    )
    parts = (
        step.data if isinstance(step, Send) else step.block * step.times
        for step in plan.steps()
        if isinstance(step, Send | Flood)
    )
    return Said(b"".join(parts))


def upload(path, fields, **files):
    """What a form with `fields` and `files` (names and bytes) is answered."""
    parts = [(f'name="{name}"', str(value).encode()) for name, value in fields]
    parts += [
        (f'name="{name}"; filename="{name}.bin"', content)
        for name, contents in files.items()
        for content in (contents if isinstance(contents, list) else [contents])
    ]
    lead = b"--XX\r\nContent-Disposition: form-data; "
    body = b"".join(
        lead + head.encode() + b"\r\n\r\n" + content + b"\r\n" for head, content in parts
    )
    return ask(path, body + b"--XX--\r\n", headers=FORM)


FORM = {"content-type": "multipart/form-data; boundary=XX"}
