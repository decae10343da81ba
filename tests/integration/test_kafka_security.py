"""Workers on a Kafka that encrypts, asks who is there, and grants no more than docs/security.md lists."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from tests.support.event_topics import produce
from tests.support.live_worker import WORK_SECONDS, ApiProcess, WorkerThread
from tests.support.records import line
from tests.support.rig import room_for
from tests.support.secure_kafka import API_USER, PASSWORD, USER, Certificates, SecureKafka, unsecured_token
from tests.support.services import running
from tests.support.waiting import wait_until
from worker.errors import ConfigurationError, ServiceUnavailable
from worker.events import list_key
from worker.settings import topics_called

Settings = dict[str, Any]
TOPIC, GROUP = "events", "shop"
TOPICS = topics_called(TOPIC)


@pytest.fixture(scope="module")
def secure_kafka(certificates: Certificates) -> Iterator[SecureKafka]:
    for broker in running(SecureKafka(certificates)):
        with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
            admin.create_topics([NewTopic(name, 1, 1) for name in TOPICS.values()])
            admin.wait_for_topics(list(TOPICS.values()))
        broker.admit(TOPICS, GROUP)
        yield broker


@pytest.fixture
def settings(secure_kafka: SecureKafka, certificates: Certificates, redis_url: str, tmp_path: Path) -> Settings:
    """Of a worker that trusts the broker, and has not said yet who it is."""
    return {
        "kafka.bootstrap_servers": secure_kafka.sasl_servers,
        **{f"kafka.{setting}": name for setting, name in TOPICS.items()},
        "kafka.group_id": GROUP,
        "kafka.connect_timeout_seconds": 5.0,
        "kafka.tls_ca_file": certificates.authority,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        **room_for(items=1000, users=1000),
    }


@pytest.fixture
def token_server() -> Iterator[str]:
    """The address of a server that hands out tokens to the user."""
    with HTTPServer(("127.0.0.1", 0), TokenHandler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join(5)


class TokenHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        # user and password in Basic authentication: `millrace:a+secret`
        known = self.headers["Authorization"] == "Basic bWlsbHJhY2U6YStzZWNyZXQ="
        self.send_response(200 if known and form == "grant_type=client_credentials&scope=kafka" else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": unsecured_token(), "expires_in": 300}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


def assert_serves(broker: SecureKafka, settings: Settings) -> None:
    """A worker learns an event, publishes the list, and parks what it cannot read."""
    ends = dead_letters(broker)
    with WorkerThread(settings) as worker, redis.Redis.from_url(settings["redis.url"]) as client:
        before = worker.metric("events_learned_total")
        produce(broker.bootstrap_servers, TOPIC, [line("ann", "tea"), line("ben", "tea"), b"nonsense"])
        wait_until(lambda: worker.metric("events_learned_total") >= before + 2, WORK_SECONDS, "events are learned")
        wait_until(lambda: client.exists(list_key("ann")) == 1, WORK_SECONDS, "ann has a list")
        wait_until(lambda: dead_letters(broker) > ends, WORK_SECONDS, "nonsense is parked")


def dead_letters(broker: SecureKafka) -> int:
    place = TopicPartition(TOPICS["dead_letter_topic"], 0)
    with KafkaConsumer(bootstrap_servers=broker.bootstrap_servers) as consumer:
        ends: dict[TopicPartition, int] = consumer.end_offsets([place])
    return ends[place]


def with_password(settings: Settings, mechanism: str, password: str = PASSWORD) -> Settings:
    return settings | {
        "kafka.security_protocol": "SASL_SSL",
        "kafka.sasl_mechanism": mechanism,
        "kafka.sasl_username": USER,
        "kafka.sasl_password": password,
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_worker_says_who_it_is_by_a_password(secure_kafka: SecureKafka, settings: Settings, mechanism: str) -> None:
    assert_serves(secure_kafka, with_password(settings, mechanism))


def test_the_api_needs_no_more_than_the_documented_rights(
    secure_kafka: SecureKafka, settings: Settings, tmp_path: Path
) -> None:
    own = with_password(settings, "SCRAM-SHA-512") | {"kafka.sasl_username": API_USER}
    with ApiProcess(own, tmp_path) as api:
        api.wait_ready()
        event = {"user_id": "ann", "item_id": "tea", "event": "purchase"}
        assert httpx.post(f"{api.url}/v1/events", json=event, timeout=20).status_code == 202
        assert httpx.put(f"{api.url}/v1/items/tea", json={"title": "Tea"}, timeout=20).status_code == 204
        assert api.terminate() == 0
    assert "cannot be read" not in (tmp_path / "serve.log").read_text("utf-8")


def test_a_worker_says_who_it_is_by_a_token_in_a_file(
    secure_kafka: SecureKafka, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{unsecured_token()}\n", "utf-8")
    by_token = {"kafka.security_protocol": "SASL_SSL", "kafka.sasl_mechanism": "OAUTHBEARER"}
    assert_serves(secure_kafka, settings | by_token | {"kafka.oauth_token_file": tmp_path / "token"})


def test_a_worker_asks_a_server_for_its_token(secure_kafka: SecureKafka, settings: Settings, token_server: str) -> None:
    asking = {
        "kafka.security_protocol": "SASL_SSL",
        "kafka.sasl_mechanism": "OAUTHBEARER",
        "kafka.oauth_token_url": token_server,
        "kafka.oauth_client_id": USER,
        "kafka.oauth_client_secret": "a secret",
        "kafka.oauth_scope": "kafka",
    }
    assert_serves(secure_kafka, settings | asking)


def test_a_worker_says_who_it_is_by_its_certificate(
    secure_kafka: SecureKafka, settings: Settings, certificates: Certificates
) -> None:
    mutual = {
        "kafka.bootstrap_servers": secure_kafka.mutual_servers,
        "kafka.security_protocol": "SSL",
        "kafka.tls_certificate_file": certificates.certificate("client"),
        "kafka.tls_key_file": certificates.key("client"),
    }
    assert_serves(secure_kafka, settings | mutual)


@pytest.mark.parametrize(
    ("change", "cause", "remedy"),
    [
        ({"kafka.sasl_password": "wrong"}, "", "passwords (kafka.sasl_...)"),
        ({"kafka.tls_ca_file": "stranger"}, "certificate verify failed", "check that it runs"),
        ({"kafka.tls_ca_file": "/nowhere/ca.pem"}, "No such file", "check that it runs"),
    ],
)
def test_a_worker_that_cannot_get_in_says_what_to_check(
    secure_kafka: SecureKafka, settings: Settings, certificates: Certificates, change: Settings, cause: str, remedy: str
) -> None:
    if change.get("kafka.tls_ca_file") == "stranger":
        change = {"kafka.tls_ca_file": certificates.stranger}
    short = {"kafka.connect_timeout_seconds": 1.0, "run.service_wait_seconds": 1.0}
    with (
        pytest.raises(ServiceUnavailable) as raised,
        WorkerThread(with_password(settings, "PLAIN") | short | change) as worker,
    ):
        wait_until(lambda: worker.ended, WORK_SECONDS, "it gives up")
    assert cause in str(raised.value)
    assert remedy in raised.value.remedy
    assert not any(secret in f"{raised.value} {raised.value.remedy}" for secret in (PASSWORD, "wrong"))


def test_a_worker_without_a_right_stops_and_says_which(secure_kafka: SecureKafka, settings: Settings) -> None:
    with (
        pytest.raises(ConfigurationError) as raised,
        WorkerThread(with_password(settings, "PLAIN") | {"kafka.group_id": "another"}) as worker,
    ):
        wait_until(lambda: worker.ended, WORK_SECONDS, "it stops")
    assert "READ" in raised.value.remedy
    assert "group another" in raised.value.remedy
