"""What only a real server can show of published lists: expiry, foreign values, failures."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from pydantic import SecretStr

from worker.adapters.redis_lists import RedisLists
from worker.embedded.ports import free_ports
from worker.embedded.valkey_server import ValkeyServer
from worker.errors import ConfigurationError, ServiceUnavailable, StateError
from worker.events import POPULAR_KEY, Reason, RecommendationList, list_key, position_text
from worker.settings import ListSettings, RedisSettings


def make_list(offset: int = 10) -> RecommendationList:
    return RecommendationList(position_text(1, offset), ["a"], [0.5], [Reason("popular")], "m1", 1_000)


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    """A plain client of the empty server."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def lists(redis_url: str) -> Iterator[RedisLists]:
    """The sink on the empty server: lists live 100 to 150 s."""
    settings = ListSettings(ttl_seconds=100, ttl_jitter=0.5)
    with closing(RedisLists(RedisSettings(url=SecretStr(redis_url)), settings, seed=1)) as lists:
        yield lists


def test_a_list_is_plain_json_that_begins_with_its_position(lists: RedisLists, server: redis.Redis) -> None:
    lists.publish({"ann": make_list()})
    content = server.get(list_key("ann"))
    assert isinstance(content, bytes)
    assert content.startswith(b'{"position":"00000001-000000000000010-000000","items":["a"]')
    assert json.loads(content)["reasons"] == [{"expert": "popular"}]


def test_keys_begin_as_the_settings_say(redis_url: str, lists: RedisLists, server: redis.Redis) -> None:
    others = RedisSettings(url=SecretStr(redis_url), key_prefix="trial:7")
    with closing(RedisLists(others, ListSettings())) as trial:
        trial.publish({"ann": make_list()})
        trial.publish_popular(make_list())
        assert sorted(server.keys()) == [b"trial:7:popular", b"trial:7:{ann}:topk"]
        assert trial.read("ann") == trial.read_popular() == make_list()
        assert lists.read("ann") is lists.read_popular() is None
        trial.remove(["ann"])
        trial.remove_popular()
    assert server.dbsize() == 0


def test_lists_expire_at_different_times_and_the_popular_list_never(lists: RedisLists, server: redis.Redis) -> None:
    users = [f"u{number}" for number in range(50)]
    lists.publish({user: make_list() for user in users})
    lists.publish_popular(make_list())
    lives = {int(server.ttl(list_key(user))) for user in users}
    assert min(lives) >= 98
    assert max(lives) <= 150
    assert len(lives) > 10
    assert server.ttl(POPULAR_KEY) == -1


def test_a_newer_list_renews_the_expiry_and_a_refused_one_does_not(lists: RedisLists, server: redis.Redis) -> None:
    lists.publish({"ann": make_list(10)})
    server.expire(list_key("ann"), 5)
    lists.publish({"ann": make_list(9)})
    assert int(server.ttl(list_key("ann"))) <= 5
    lists.publish({"ann": make_list(11)})
    assert int(server.ttl(list_key("ann"))) > 90


def test_what_is_not_a_list_of_ours_is_overwritten(lists: RedisLists, server: redis.Redis) -> None:
    server.set(list_key("text"), "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")
    server.set(list_key("short"), "")
    server.lpush(list_key("other"), "x")
    users = {"text", "short", "other"}
    assert lists.publish(dict.fromkeys(users, make_list())) == 0
    assert {user for user in users if lists.read(user) == make_list()} == users


def test_reading_what_is_not_a_list_of_ours_is_a_state_error(lists: RedisLists, server: redis.Redis) -> None:
    server.set(list_key("ann"), "{}")
    with pytest.raises(StateError, match="ann"):
        lists.read("ann")


def test_a_server_that_forgot_the_script_is_taught_it_again(lists: RedisLists, server: redis.Redis) -> None:
    lists.publish({"ann": make_list(1)})
    server.script_flush()
    assert lists.publish({"ann": make_list(2)}) == 0


def test_a_server_without_memory_is_a_service_error_and_recovers(lists: RedisLists, server: redis.Redis) -> None:
    server.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(ServiceUnavailable, match="maxmemory"):
            lists.publish({"ann": make_list()})
    finally:
        server.config_set("maxmemory", "0")
    assert lists.publish({"ann": make_list()}) == 0


def test_a_server_that_restarts_is_a_service_error_only_meanwhile(lists: RedisLists, valkey: ValkeyServer) -> None:
    lists.publish({"ann": make_list()})
    valkey.stop()
    try:
        for attempt in (lists.ping, lambda: lists.publish({"ann": make_list(11)}), lambda: lists.read("ann")):
            with pytest.raises(ServiceUnavailable):
                attempt()
    finally:
        valkey.start()
    assert lists.publish({"ann": make_list(11)}) == 0


def test_a_write_that_was_late_does_not_replace_a_newer_list(redis_url: str, valkey: ValkeyServer) -> None:
    quick = RedisSettings(url=SecretStr(redis_url), socket_timeout_seconds=0.2)
    with closing(RedisLists(quick, ListSettings())) as lists:
        lists.publish({"ann": make_list(1)})
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            for offset in (3, 2):  # both reach the server, which does them after it wakes up
                started = time.monotonic()
                with pytest.raises(ServiceUnavailable):
                    lists.publish({"ann": make_list(offset)})
                assert time.monotonic() - started < 2
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        lists.ping()
        assert lists.read("ann") in (make_list(3), make_list(2), make_list(1))
        lists.publish({"ann": make_list(2)})
        lists.publish({"ann": make_list(3)})
        assert lists.publish({"ann": make_list(2)}) == 1
        assert lists.read("ann") == make_list(3)


def test_an_error_names_the_address_and_keeps_the_password() -> None:
    url = SecretStr(f"redis://user:geheim@127.0.0.1:{free_ports(1)[0]}/0")
    with closing(RedisLists(RedisSettings(url=url), ListSettings())) as lists:
        with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1") as caught:
            lists.ping()
        assert "geheim" not in f"{caught.value}{caught.value.remedy}"
        assert "MILLRACE_REDIS__URL" in caught.value.remedy


@pytest.mark.parametrize("url", [None, SecretStr("http://x:geheim@h:1"), SecretStr("redis://h:geheim@x:y")])
def test_an_address_that_is_none_is_a_configuration_error(url: SecretStr | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisLists(RedisSettings(url=url), ListSettings())
    assert "geheim" not in f"{caught.value}{caught.value.remedy}"
