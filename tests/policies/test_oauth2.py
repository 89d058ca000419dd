"""An access token stands for its key: it ends with the key, and with its own time."""

import pytest
from tests.policies.test_keys import Desk as Keys
from tests.policies.test_keys import call

from faregate.core.refusals import Refusal
from faregate.identity.keys import hash_key
from faregate.policies.identified import Identified
from faregate.policies.oauth2 import AccessTokens

SECRET = b"s" * 32


class Desk(Keys):
    """Tokens over a key check."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = AccessTokens(SECRET, self.check, self.clock)
        self.key = self.store.add_key("a")

    def issue(self, lifetime_s: int = 60) -> bytes:
        record = self.store.find_key(hash_key(self.key))
        assert record is not None
        token, expires_in = self.tokens.issue(record, lifetime_s)
        assert expires_in == lifetime_s
        return token.encode()

    async def told(self, token: bytes) -> str:
        outcome = self.tokens(token)
        found = outcome if isinstance(outcome, Identified | Refusal) else await outcome
        return found.record.name if isinstance(found, Identified) else found.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_it_stands_for_its_key(desk: Desk):
    token = desk.issue()
    assert await desk.told(token) == "a"
    assert await desk.told(token) == "a"
    assert desk.lookups == 1
    await desk.ask(call(authorization=f"Bearer {desk.key}"))
    assert desk.lookups == 1  # one memory for both


async def test_it_ends_in_time(desk: Desk):
    token = desk.issue(60)
    desk.clock.advance(59)
    assert await desk.told(token) == "a"
    desk.clock.advance(1)
    assert await desk.told(token) == "token_expired"


async def test_it_ends_with_its_key(desk: Desk):
    token = desk.issue()
    outcome = desk.tokens(token)
    assert not isinstance(outcome, Identified | Refusal)
    found = await outcome
    assert isinstance(found, Identified)
    desk.store.revoke_key(desk.key)
    desk.check.forget([hash_key(desk.key)])
    assert not found.holds(desk.clock.wall_ns())
    assert await desk.told(token) == "key_revoked"


async def test_a_key_that_is_gone(desk: Desk):
    other = Desk()
    assert await desk.told(other.issue()) == "token_invalid"


async def test_never_longer_than_its_key(desk: Desk):
    expires_ns = desk.clock.wall_ns() + 30 * 1_000_000_000
    key = desk.store.add_key("short", expires_ns=expires_ns)
    record = desk.store.find_key(hash_key(key))
    assert record is not None
    token, expires_in = desk.tokens.issue(record, 60)
    assert expires_in == 30
    assert await desk.told(token.encode()) == "short"


async def test_the_store_is_away(desk: Desk):
    token = desk.issue()
    desk.store.fail = True
    assert await desk.told(token) == "key_store_unavailable"


async def test_anything_else_is_none(desk: Desk):
    assert await desk.told(b"fga_x") == "token_invalid"
    assert await desk.told(desk.issue()[:-1] + b"!") == "token_invalid"
