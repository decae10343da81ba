"""Workers on a Redis that encrypts, with a user that may do no more than docs/security.md lists."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.api import made_list, made_similar
from tests.support.event_topics import produce, topic_settings
from tests.support.live_worker import WORK_SECONDS, ApiProcess, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.secure_kafka import Certificates
from tests.support.secure_redis import PASSWORD, READER_RIGHTS, RIGHTS, SecureRedis
from tests.support.services import running
from tests.support.waiting import wait_until
from worker.adapters.redis_lists import RedisLists
from worker.doctor import examine
from worker.embedded.kafka_broker import KafkaBroker
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import POPULAR_KEY, list_key, similar_key
from worker.settings import load

Settings = dict[str, Any]
DOCUMENTED = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.fixture(scope="module")
def secure_redis(certificates: Certificates) -> Iterator[SecureRedis]:
    yield from running(SecureRedis(certificates))


@pytest.fixture
def settings(
    kafka: KafkaBroker,
    make_topic: Callable[..., str],
    secure_redis: SecureRedis,
    certificates: Certificates,
    tmp_path: Path,
) -> Settings:
    topic = make_topic(partitions=1)
    return {
        **topic_settings(kafka.bootstrap_servers, topic),
        "redis.url": secure_redis.url,
        "redis.tls_ca_file": certificates.authority,
        "snapshots.directory": tmp_path / "snapshots",
        **room_for(items=1000, users=1000),
    }


def test_a_user_with_the_documented_rights_is_enough_for_a_worker(
    kafka: KafkaBroker, secure_redis: SecureRedis, settings: Settings
) -> None:
    of_topics = load(overrides=settings, environment={}).kafka
    ensure_topics(of_topics, standard_topics(of_topics))
    with WorkerThread(settings) as worker, redis.Redis.from_url(secure_redis.admin_url) as admin:
        produce(kafka.bootstrap_servers, settings["kafka.events_topic"], [line("ann", "tea"), line("ben", "tea")])
        worker.wait_until_learned(2)
        keys = [list_key("ann"), POPULAR_KEY, similar_key("tea")]
        wait_until(lambda: admin.exists(*keys) == len(keys), WORK_SECONDS, "lists and similar items stand")
        produce(kafka.bootstrap_servers, settings["kafka.items_topic"], [None], key=b"tea")
        wait_until(lambda: not admin.exists(similar_key("tea")), WORK_SECONDS, "those of an item that is gone go")
        admin.flushall()
        wait_until(lambda: admin.exists(list_key("ann")) == 1, WORK_SECONDS, "lost lists are written again")
        refused = {entry["object"] for entry in admin.acl_log()}
    assert refused <= {"client|setinfo", "client"}  # the client says its name, and does not mind


def test_a_user_with_the_documented_rights_is_enough_for_the_api(
    secure_redis: SecureRedis, settings: Settings, tmp_path: Path
) -> None:
    loaded = load(overrides=settings, environment={})
    with redis.Redis.from_url(secure_redis.admin_url) as admin:
        admin.flushall()
    with closing(RedisLists(loaded.redis, loaded.lists)) as lists:
        lists.publish({"ann": made_list("tea")})
        lists.publish_similar({"tea": made_similar("cup")})
    with ApiProcess({**settings, "redis.url": secure_redis.reader_url}, tmp_path) as api:
        api.wait_ready()
        assert "tea" in httpx.get(f"{api.url}/v1/users/ann/recommendations").text
        assert "cup" in httpx.get(f"{api.url}/v1/items/tea/similar").text


def test_the_documented_rights_are_those_that_were_tried() -> None:
    documented = DOCUMENTED.read_text("utf-8")
    assert RIGHTS in documented
    assert READER_RIGHTS in documented


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"password": "wrong"}, "invalid username-password"), ({"authority": "stranger"}, "certificate verify failed")],
)
def test_a_worker_that_cannot_get_in_says_why_without_the_password(
    settings: Settings, certificates: Certificates, change: dict[str, str], cause: str
) -> None:
    settings["redis.url"] = settings["redis.url"].replace(PASSWORD, change.get("password", PASSWORD))
    if "authority" in change:
        settings["redis.tls_ca_file"] = certificates.stranger
    loaded = load(overrides=settings, environment={})
    lists = RedisLists(loaded.redis, loaded.lists)
    with pytest.raises(ServiceUnavailable, match=cause) as raised:
        lists.read("ann")
    lists.close()
    assert not any(secret in str(raised.value) for secret in (PASSWORD, ":wrong@"))


def test_the_doctor_finds_what_it_may_not_ask_to_be_no_fault(settings: Settings) -> None:
    found = {each.name: each for each in examine(load(overrides=settings, environment={}))}
    assert found["redis"].ok
    assert "+info" in found["redis"].detail
    assert found["clock"].ok


def test_files_for_tls_without_tls_are_refused(settings: Settings) -> None:
    settings["redis.url"] = settings["redis.url"].replace("rediss:", "redis:")
    loaded = load(overrides=settings, environment={})
    with pytest.raises(ConfigurationError) as raised:
        RedisLists(loaded.redis, loaded.lists)
    assert "rediss://" in raised.value.remedy
