"""`millrace serve` on a real Kafka and a real Valkey: from an event over HTTP to a list over HTTP, and what fails."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.event_topics import everything, topic_settings
from tests.support.live_worker import ApiProcess, WorkerProcess
from tests.support.rig import room_for
from tests.support.waiting import wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.settings import load

SEEN_SECONDS = 60.0
STOPPED_SECONDS = 10.0
CONFIGURATION_IS_WRONG = 2

pytestmark = pytest.mark.timeout(240)

Settings = dict[str, Any]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, make_topic: Callable[..., str], tmp_path: Path) -> Settings:
    topics = topic_settings(kafka.bootstrap_servers, make_topic(partitions=1))
    of_topics = load(overrides=topics, environment={}).kafka
    ensure_topics(of_topics, standard_topics(of_topics))
    return {
        **topics,
        "redis.url": redis_url,
        "snapshots.directory": tmp_path / "snapshots",
        "lists.popular_interval_seconds": 0.2,
        **room_for(items=1000, users=1000),
    }


@pytest.fixture
def api(settings: Settings, tmp_path: Path) -> Iterator[ApiProcess]:
    with ApiProcess({**settings, "api.acknowledge_seconds": 2}, tmp_path) as process:
        process.wait_ready()
        yield process


def event(user: str, item: str, **others: Any) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event": "purchase"} | others


def items_for(api: ApiProcess, user: str, source: str) -> list[str]:
    """Those of the user's list, once it is of this source."""
    answer = httpx.get(f"{api.url}/v1/users/{user}/recommendations")
    found = answer.json()
    return [item["item_id"] for item in found["items"]] if found.get("source") == source else []


def session_items(api: ApiProcess, *history: str) -> list[str]:
    """Those of a list for a session, once it is one of its own."""
    found = httpx.post(f"{api.url}/v1/sessions/recommendations", json={"history": history}).json()
    return [item["item_id"] for item in found["items"]] if found["source"] == "session" else []


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, SEEN_SECONDS, what)


def in_kafka(settings: Settings) -> list[dict[str, Any]]:
    """All events of the topic."""
    records = everything(settings["kafka.bootstrap_servers"], settings["kafka.events_topic"])
    return [json.loads(record.value) for record in records]


def test_an_event_that_is_posted_changes_the_list_that_is_asked_for(
    api: ApiProcess, settings: Settings, tmp_path: Path
) -> None:
    with WorkerProcess(settings, tmp_path) as worker:
        worker.wait_ready()
        bought = [event(f"u{user}", item) for user in range(20) for item in ("tea", "cup", "spoon")]
        assert httpx.post(f"{api.url}/v1/events", json=bought).json()["accepted"] == 60
        until(lambda: {"tea", "cup"} <= set(items_for(api, "nobody", "popular")), "a popular list is served")
        assert httpx.get(f"{api.url}/v1/users/ann/recommendations").json()["source"] == "popular"
        assert httpx.post(f"{api.url}/v1/events", json=event("ann", "tea")).status_code == 202
        until(lambda: set(items_for(api, "ann", "personal")[:2]) == {"cup", "spoon"}, "a list follows the event")
        until(lambda: session_items(api, "tea")[:1] in (["cup"], ["spoon"]), "a session is served")
        found = httpx.get(f"{api.url}/v1/items/tea/similar").json()
        assert {item["item_id"] for item in found["items"]} == {"cup", "spoon"}
        assert httpx.put(f"{api.url}/v1/items/cup", json={"title": "A cup"}).status_code == 204
        until(lambda: "A cup" in httpx.get(f"{api.url}/v1/popular").text, "its title is shown")
        assert httpx.put(f"{api.url}/v1/items/cup", json={"available": False}).status_code == 204
        until(lambda: items_for(api, "ann", "personal")[:1] == ["spoon"], "what cannot be had is not listed")
        until(lambda: session_items(api, "tea")[:1] == ["spoon"], "nor in a list for a session")
        assert worker.terminate() == 0
    assert api.terminate() == 0


def test_what_was_acknowledged_is_in_kafka_though_the_broker_was_killed_between(
    api: ApiProcess, settings: Settings, kafka: KafkaBroker
) -> None:
    acknowledged: list[str] = []
    refused: list[int] = []
    ended = threading.Event()

    def post() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            answer = httpx.post(f"{api.url}/v1/events", json=event("ann", "tea", event_id=f"e{number}"), timeout=30)
            if answer.status_code == 202:
                acknowledged.extend(answer.json()["event_ids"])
            else:
                refused.append(answer.status_code)
                assert answer.headers["retry-after"] == "2"

    posting = threading.Thread(target=post)
    posting.start()
    try:
        until(lambda: len(acknowledged) >= 50, "events are taken")
        kafka.kill()
        until(lambda: len(refused) >= 3, "events are refused")
        kafka.start()
        before = len(acknowledged)
        until(lambda: len(acknowledged) >= before + 50, "events are taken again")
    finally:
        ended.set()
        posting.join()
        if not kafka.running:
            kafka.start()
    assert set(refused) == {503}
    assert set(acknowledged) <= {each["event_id"] for each in in_kafka(settings)}


def test_an_api_that_cannot_write_refuses_at_once_and_ends_in_order(api: ApiProcess, kafka: KafkaBroker) -> None:
    assert httpx.post(f"{api.url}/v1/events", json=event("ann", "tea"), timeout=30).status_code == 202
    kafka.kill()
    try:
        with ThreadPoolExecutor(64) as clients:
            post = partial(httpx.post, f"{api.url}/v1/events", json=event("ann", "tea"), timeout=30)
            asked = [clients.submit(post) for _ in range(64)]
            assert {each.result().status_code for each in asked} == {503}
        assert api.page("/readyz")[0] == 200, "lists are served all the same"
        assert api.terminate() == 0
    finally:
        kafka.start()


def test_a_page_that_is_kept_up_to_date_does_not_hold_up_the_end(settings: Settings, tmp_path: Path) -> None:
    watched = {**settings, "api.workers": "http://127.0.0.1:1/metrics", "run.drain_seconds": 30}
    with ApiProcess(watched, tmp_path) as api:
        api.wait_ready()
        with httpx.stream("GET", f"{api.url}/v1/overview", timeout=SEEN_SECONDS) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: history"
            began = time.monotonic()
            assert api.terminate() == 0
            assert time.monotonic() - began < STOPPED_SECONDS


def test_headers_without_end_are_refused(api: ApiProcess) -> None:
    address = httpx.URL(api.url)
    with socket.create_connection((address.host, address.port or 0), timeout=SEEN_SECONDS) as connection:
        connection.sendall(b"GET /v1/popular HTTP/1.1\r\nHost: x\r\nX-Endless: ")
        with suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(b"x" * 65_536)
        with suppress(ConnectionError):
            assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    large = httpx.get(f"{api.url}/v1/popular", headers={"X-Large": "x" * 20_000})
    assert large.status_code == 503, "there is no list yet, and the header is none too large"


def test_without_redis_the_api_is_not_ready_and_answers_503(settings: Settings, tmp_path: Path) -> None:
    with ApiProcess({**settings, "redis.url": "redis://127.0.0.1:1/0"}, tmp_path) as api:
        until(lambda: api.page("/livez")[0] == 200, "it is live")
        assert api.page("/readyz")[0] == 503
        assert httpx.get(f"{api.url}/v1/popular").status_code == 503


def test_without_kafka_lists_are_served_and_nothing_can_be_written(settings: Settings, tmp_path: Path) -> None:
    with ApiProcess({**settings, "kafka.bootstrap_servers": None}, tmp_path) as api:
        api.wait_ready()
        assert httpx.post(f"{api.url}/v1/events", json=event("ann", "tea")).status_code == 501
        assert "there is no list yet" in httpx.get(f"{api.url}/v1/popular").text


def test_a_port_that_is_taken_or_an_open_address_without_keys_ends_it_with_a_remedy(
    settings: Settings, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for others, remedy in (
            ({"api.port": taken.getsockname()[1]}, "MILLRACE_API__PORT"),
            ({"api.host": "0.0.0.0"}, "MILLRACE_API__READ_KEYS"),
        ):
            with ApiProcess({**settings, **others}, tmp_path) as api:
                assert api.wait(SEEN_SECONDS) == CONFIGURATION_IS_WRONG
            assert remedy in (tmp_path / "serve.log").read_text("utf-8")
