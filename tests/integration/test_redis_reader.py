"""Lists read by many at once, from a real Valkey."""

import asyncio
from contextlib import closing

import pytest
import redis
from pydantic import SecretStr

from tests.support.api import made_list, made_similar
from worker.adapters.redis_lists import RedisLists
from worker.adapters.redis_reader import RedisReader
from worker.embedded.ports import free_ports
from worker.errors import ServiceUnavailable, StateError
from worker.events import RecommendationList, SimilarItems, list_key, similar_key
from worker.settings import ListSettings, RedisSettings

READERS = 200


@pytest.fixture
def settings(redis_url: str) -> RedisSettings:
    return RedisSettings(url=SecretStr(redis_url))


async def read_all(settings: RedisSettings, *users: str) -> list[RecommendationList | BaseException | None]:
    reader = RedisReader(settings)
    try:
        return await asyncio.gather(*map(reader.read, users), return_exceptions=True)
    finally:
        await reader.close()


def test_each_of_many_readers_gets_the_own_list(settings: RedisSettings) -> None:
    users = [f"u{number}" for number in range(READERS)]
    with closing(RedisLists(settings, ListSettings())) as lists:
        lists.publish({user: made_list(f"for-{user}") for user in users})
    found = asyncio.run(read_all(settings, *users, "nobody"))
    assert [each.items for each in found if isinstance(each, RecommendationList)] == [[f"for-{user}"] for user in users]
    assert found[-1] is None


def test_they_share_calls_and_one_connection(settings: RedisSettings, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("stats"), client.info("commandstats").get("cmdstat_mget", {"calls": 0})["calls"]
        asyncio.run(read_all(settings, *(f"u{number}" for number in range(READERS))))
        connections = client.info("stats")["total_connections_received"] - before[0]["total_connections_received"]
        calls = client.info("commandstats")["cmdstat_mget"]["calls"] - before[1]
    assert connections == 1
    assert calls < READERS / 10


def test_what_goes_with_several_items_comes_by_one_call_and_lists_of_others_beside_it(
    settings: RedisSettings, redis_url: str
) -> None:
    similar = {f"i{number}": made_similar(f"for-i{number}") for number in range(20)}
    with closing(RedisLists(settings, ListSettings())) as lists:
        lists.publish({"ann": made_list("tea")})
        lists.publish_similar(similar)

    async def read() -> tuple[list[SimilarItems | None], list[SimilarItems | None], RecommendationList | None]:
        reader = RedisReader(settings)
        try:
            return await asyncio.gather(
                reader.read_similar([*similar, "unheard-of"]), reader.read_similar([]), reader.read("ann")
            )
        finally:
            await reader.close()

    found, none, own = asyncio.run(read())
    assert found == [*similar.values(), None]
    assert none == []
    assert own == made_list("tea")
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        asyncio.run(read())
        assert client.info("commandstats")["cmdstat_mget"]["calls"] == 1
        client.set(similar_key("i0"), "nonsense")
    with pytest.raises(StateError, match="holds no similar items"):
        asyncio.run(read())


def test_what_is_no_list_troubles_its_own_reader_alone(settings: RedisSettings, redis_url: str) -> None:
    with closing(RedisLists(settings, ListSettings())) as lists:
        lists.publish({"ann": made_list("tea")})
    with redis.Redis.from_url(redis_url) as client:
        client.set(list_key("bob"), "nonsense")
    ann, bob = asyncio.run(read_all(settings, "ann", "bob"))
    assert isinstance(ann, RecommendationList)
    assert isinstance(bob, StateError)


def test_all_hear_that_the_service_is_away_and_the_next_one_tries_again(redis_url: str) -> None:
    (port,) = free_ports(1)
    away = RedisSettings(url=SecretStr(f"redis://127.0.0.1:{port}/0"))
    found = asyncio.run(read_all(away, "ann", "bob"))
    assert [type(each) for each in found] == [ServiceUnavailable, ServiceUnavailable]

    async def one_after_another() -> list[object]:
        reader = RedisReader(away)
        return [(await asyncio.gather(reader.read("ann"), return_exceptions=True))[0] for _ in range(2)]

    assert [type(each) for each in asyncio.run(one_after_another())] == [ServiceUnavailable, ServiceUnavailable]
