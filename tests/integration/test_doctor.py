"""What `millrace doctor` says of a real Kafka and a real Valkey."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from worker import doctor
from worker.doctor import Finding, examine
from worker.embedded.kafka_broker import KafkaBroker
from worker.settings import Settings, load, topics_called


@pytest.fixture
def real(kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path) -> Settings:
    """Settings of running services, where only the topic of the events exists."""
    overrides = {
        "kafka.bootstrap_servers": kafka.bootstrap_servers,
        **{f"kafka.{setting}": f"no-such-{name}" for setting, name in topics_called("topic").items()},
        "kafka.events_topic": make_topic(partitions=3),
        "redis.url": redis_url,
        "snapshots.directory": tmp_path,
    }
    return load(overrides=overrides, environment={})


@pytest.fixture
def unscripted_url(redis_url: str) -> Iterator[str]:
    """The address of a Redis user that may do all but run scripts."""
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "unscripted", "on", ">pass", "~*", "+@all", "-@scripting")
        yield redis_url.replace("redis://", "redis://unscripted:pass@")
        client.execute_command("ACL", "DELUSER", "unscripted")


def by_name(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(settings)}


def test_all_that_runs_is_in_order_and_absent_topics_are_named(real: Settings) -> None:
    findings = by_name(real)
    wrong = {name for name, finding in findings.items() if not finding.ok}
    assert wrong == {f"topic no-such-topic.{kind}" for kind in ("items", "control", "review", "audit", "dlq")}
    assert findings["kafka"].detail == "1 broker(s), API of version 4.1"
    assert findings[f"topic {real.kafka.events_topic}"].detail == "3 partition(s)"
    assert "redis 7" in findings["redis"].detail
    assert findings["redis scripts"].ok
    assert findings["clock"].ok


def test_a_redis_user_who_may_not_run_scripts_is_a_finding(real: Settings, unscripted_url: str) -> None:
    redis_settings = type(real.redis).model_validate({"url": unscripted_url})
    findings = by_name(real.model_copy(update={"redis": redis_settings}))
    assert findings["redis scripts"].remedy == "allow the user +eval +evalsha"
    assert findings["clock"].ok


def test_a_clock_that_is_off_is_a_finding(real: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MAX_SKEW_SECONDS", -1.0)
    assert "NTP" in by_name(real)["clock"].remedy
