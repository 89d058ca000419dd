"""An identity provider for tests: real keys, a real JWK set over HTTP, rotation, outages.

async with identity_provider() as provider:
    token = provider.token(sub="alice")
"""

import asyncio
import contextlib
import json
import time
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from faregate.configuration.callers import JwtIssuer

ISSUER = "https://login.example.com/"
AUDIENCE = "faregate"


def make_key(kind: str, kid: str) -> Key:
    """A private key: RSA, EC or Ed25519."""
    parameters: Any = {"kid": kid, "use": "sig"}
    if kind == "RSA":
        return RSAKey.generate_key(2048, parameters)
    if kind == "EC":
        return ECKey.generate_key("P-256", parameters)
    return OKPKey.generate_key("Ed25519", parameters)


_ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def sign(key: Key, claims: dict[str, Any], **head: Any) -> str:
    """A token; `head` may say another kid, alg or typ."""
    whole = {"alg": _ALGORITHMS.get(key.key_type, "HS256"), "kid": key.kid, "typ": "JWT"} | head
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jwt.encode(
            {name: value for name, value in whole.items() if value is not None},
            claims,
            key,
            algorithms=[str(whole["alg"])],
        )


@dataclass
class IdentityProvider:
    """Its keys, and what it serves."""

    port: int = 0
    keys: list[Key] = field(default_factory=list)
    served: list[Key] = field(default_factory=list)
    status: str = "200 OK"
    headers: str = ""
    body: bytes | None = None
    asked: int = 0
    # Seconds since 1970 that it stands at; None: it goes with this machine's clock.
    now: int | None = None

    @property
    def jwks_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def rotate(self, kind: str = "RSA", kid: str = "") -> Key:
        """Sign with a new key from now on, and serve it beside the others."""
        key = make_key(kind, kid or f"k{len(self.keys)}")
        self.keys.append(key)
        self.served.append(key)
        return key

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time.time()) if self.now is None else self.now
        usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 300, "sub": "alice"}
        return {name: value for name, value in (usual | claims).items() if value is not None}

    def token(self, key: Key | None = None, **claims: Any) -> str:
        """A token of the newest key; None leaves a claim out."""
        return sign(key or self.keys[-1], self.claims(**claims))

    def key_set(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.served]}).encode()

    def issuer(self, **fields: Any) -> JwtIssuer:
        values = {
            "name": "corp",
            "issuer": ISSUER,
            "audiences": (AUDIENCE,),
            "jwks_url": self.jwks_url,
            "proxy": "none",
            "application": "app",
        }
        return JwtIssuer(**values | fields)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            body = self.key_set()
            head = f"HTTP/1.1 {self.status}\r\ncontent-length: {len(body)}\r\n{self.headers}"
            writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def identity_provider(kind: str = "RSA") -> AsyncIterator[IdentityProvider]:
    """A provider with one key, on a port of its own."""
    provider = IdentityProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    provider.rotate(kind)
    try:
        yield provider
    finally:
        server.close()
        await server.wait_closed()
