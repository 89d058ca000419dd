"""A worker counts alone, together, or not at all and says so."""

import msgspec
import pytest
from tests.limits.oracles import sliding

from faregate.configuration.settings import LimitSettings, Settings
from faregate.core.errors import FaregateError, StorageError
from faregate.tally.memory import MemoryTally
from faregate.tally.opening import (
    LIMITS_URL_VARIABLE,
    WORKERS_VARIABLE,
    MissingTally,
    open_tally,
)
from faregate.tally.shared import RedisTally

NO_REDIS = Settings()


def with_url(url: str) -> Settings:
    return msgspec.structs.replace(NO_REDIS, limits=LimitSettings(redis_url=url))


def test_one_worker_counts_in_memory():
    assert isinstance(open_tally(NO_REDIS, {}), MemoryTally)
    assert isinstance(open_tally(NO_REDIS, {WORKERS_VARIABLE: "1"}), MemoryTally)


async def test_several_count_where_they_are_told():
    environment = {WORKERS_VARIABLE: "4", LIMITS_URL_VARIABLE: "unix:///nowhere/valkey.sock"}
    tally = open_tally(NO_REDIS, environment)
    assert isinstance(tally, RedisTally)
    await tally.close()


async def test_a_redis_in_the_settings_comes_first():
    tally = open_tally(with_url("redis://127.0.0.1:1/0"), {})
    assert isinstance(tally, RedisTally)
    with pytest.raises(StorageError, match="can't be reached"):
        await tally.ask([(tally.counter(sliding(5)), 1)])
    assert tally.is_degraded
    await tally.close()


async def test_several_with_nowhere_to_count_refuse_every_limit():
    tally = open_tally(NO_REDIS, {WORKERS_VARIABLE: "2"})
    assert isinstance(tally, MissingTally)
    with pytest.raises(StorageError, match="nowhere to count") as caught:
        tally.counter(sliding(5))
    assert "faregate[shared]" in str(caught.value.fix)
    with pytest.raises(StorageError):
        await tally.ask([])
    await tally.keep_house()
    await tally.close()


def test_an_address_that_is_none_is_refused():
    with pytest.raises(FaregateError, match="redis_url") as caught:
        open_tally(with_url("localhost"), {})
    assert "redis://" in str(caught.value.fix)
