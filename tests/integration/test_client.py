"""Both clients on a real Valkey and a real `millrace serve`: the same answers by either, by one if the other fails."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from producers.kafka_writer import ensure_topics, standard_topics
from tests.support.api import made_list, made_similar
from tests.support.askers import ASKERS, Asker
from tests.support.live_worker import ApiProcess
from tests.support.services import running
from tests.support.waiting import wait_until
from worker.adapters.redis_lists import RedisLists
from worker.api.wire import Popular, Recommendations, SessionRecommendations, Similar
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import free_ports
from worker.embedded.valkey_server import ValkeyServer
from worker.errors import ConfigurationError, MillraceError, ServiceUnavailable
from worker.events import Interaction
from worker.settings import ListSettings, RedisSettings, load

README = Path(__file__).parents[2] / "README.md"
KEY = "a-key-of-the-tests-0123"
PATIENCE_SECONDS = 20.0  # other tests share the cores

pytestmark = pytest.mark.timeout(240)

QUESTIONS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("recommendations", ("ann",), {}),
    ("recommendations", ("ann", 2), {"exclude": ["a"]}),
    ("recommendations", ("ann",), {"explain": True}),
    ("recommendations", ("a/b ?%ü",), {}),
    ("recommendations", ("nobody",), {"recent": ["x", "tea"]}),
    ("recommendations", ("nobody", 3), {"recent": ["x"], "exclude": ["p1"]}),
    ("session", (["mug", "tea"],), {}),
    ("session", (["unheard-of"], 2), {}),
    ("session", ([f"i{number}" for number in range(150)] + ["tea"],), {"exclude": ["cup"]}),
    ("popular", (), {}),
    ("popular", (1,), {"exclude": ["p1"]}),
    ("similar", ("tea",), {}),
    ("similar", ("a/b ?%ü", 1), {"exclude": ["x"]}),
    ("similar", ("unheard-of",), {}),
    ("explain", ("ann", "b"), {}),
    ("explain", ("nobody", "p2"), {}),
    ("explain", ("ann", "p2"), {}),
]


def fill(url: str) -> None:
    """Publishes some lists, and what goes with some items."""
    with closing(RedisLists(RedisSettings(url=SecretStr(url)), ListSettings())) as lists:
        lists.publish({"ann": made_list("a", "b", "c", shares={"next": 1.0}), "a/b ?%ü": made_list("own")})
        lists.publish_popular(made_list("p1", "tea", "p2"))
        lists.publish_similar({"tea": made_similar("cup", "spoon"), "mug": made_similar("cup", "tea")})
        lists.publish_similar({"a/b ?%ü": made_similar("x", "y", "z")})


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """One that these tests share, filled."""
    for valkey in running(ValkeyServer()):
        fill(valkey.url)
        yield valkey


@pytest.fixture(scope="module")
def api(server: ValkeyServer, kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an API over it, which asks for a key."""
    settings = {
        "redis.url": server.url,
        "kafka.bootstrap_servers": kafka.bootstrap_servers,
        "kafka.events_topic": "client-events",
        "kafka.items_topic": "client-items",
        "kafka.dead_letter_topic": "client-dlq",
    }
    of_topics = load(overrides=settings, environment={}).kafka
    ensure_topics(of_topics, standard_topics(of_topics))
    folder = tmp_path_factory.mktemp("api")
    with ApiProcess({**settings, "api.admin_keys": KEY}, folder) as process:
        process.wait_ready()
        yield process.url


@pytest.fixture(params=ASKERS)
def new_asker(request: pytest.FixtureRequest) -> Callable[..., Asker]:
    """Makes a client."""
    kind = ASKERS[request.param]
    return lambda **options: kind(**({"api_key": KEY, "timeout_seconds": PATIENCE_SECONDS} | options))


def first_item(asker: Asker, user: str) -> str:
    return str(asker.ask("recommendations", user).items[0].item_id)


def dead_redis() -> str:
    return f"redis://127.0.0.1:{free_ports(1)[0]}/0"


@pytest.mark.parametrize(("method", "args", "others"), QUESTIONS)
def test_redis_and_http_give_the_same_answer(
    new_asker: Callable[..., Asker],
    server: ValkeyServer,
    api: str,
    method: str,
    args: tuple[Any, ...],
    others: dict[str, Any],
) -> None:
    with new_asker(redis_url=server.url) as by_redis, new_asker(http_url=api) as by_http:
        assert by_redis.ask(method, *args, **others) == by_http.ask(method, *args, **others)


def test_answers_are_typed_and_say_whose_list_it_is(new_asker: Callable[..., Asker], server: ValkeyServer) -> None:
    with new_asker(redis_url=server.url) as asker:
        own, session = asker.ask("recommendations", "ann"), asker.ask("session", ["tea"])
        assert isinstance(own, Recommendations)
        assert isinstance(session, SessionRecommendations)
        assert isinstance(asker.ask("popular"), Popular)
        similar = asker.ask("similar", "tea")
        assert isinstance(similar, Similar)
    assert (own.source, [item.item_id for item in own.items]) == ("personal", ["a", "b", "c"])
    assert (session.source, [item.item_id for item in session.items]) == ("session", ["cup", "spoon", "p1", "p2"])
    assert (similar.lists, similar.events) == (7, 30)


def test_when_redis_is_killed_http_answers_until_redis_is_back(new_asker: Callable[..., Asker], api: str) -> None:
    for own in running(ValkeyServer()):
        fill(own.url)
        with new_asker(redis_url=own.url, http_url=api) as both, new_asker(redis_url=own.url) as alone:
            before = both.ask("recommendations", "ann")
            own.kill()
            assert both.ask("recommendations", "ann") == before
            with pytest.raises(ServiceUnavailable) as raised:
                alone.ask("popular")
            assert "http_url" in raised.value.remedy
            own.start()
            with closing(RedisLists(RedisSettings(url=SecretStr(own.url)), ListSettings())) as lists:
                lists.publish({"ann": made_list("new")})
            wait_until(lambda: first_item(both, "ann") == "new", PATIENCE_SECONDS, "Redis is asked again")


def test_events_go_by_http(new_asker: Callable[..., Asker], server: ValkeyServer, api: str) -> None:
    event = Interaction("ann", "tea", "purchase", event_id="e1")
    with new_asker(redis_url=server.url, http_url=api) as both, new_asker(redis_url=server.url) as alone:
        assert both.ask("send", event, Interaction("bob", "cup", "purchase", event_id="e2")).event_ids == ["e1", "e2"]
        with pytest.raises(ConfigurationError, match="events go by the HTTP API"):
            alone.ask("send", event)
        with pytest.raises(MillraceError, match=r"event 0: .*bought") as raised:
            both.ask("send", Interaction("ann", "tea", "bought"))
        assert type(raised.value) is MillraceError


def test_categories_are_asked_for_by_http(new_asker: Callable[..., Asker], server: ValkeyServer, api: str) -> None:
    with new_asker(redis_url=server.url, http_url=api) as both, new_asker(redis_url=server.url) as alone:
        assert both.ask("popular", category="kitchen").items == []
        with pytest.raises(ConfigurationError, match="HTTP API alone"):
            alone.ask("session", ["tea"], category="kitchen")


def test_what_goes_wrong_says_what_to_do(new_asker: Callable[..., Asker], server: ValkeyServer, api: str) -> None:
    with new_asker(http_url=api, api_key="another-key-012345") as stranger:
        with pytest.raises(ConfigurationError, match="401") as raised:
            stranger.ask("popular")
        assert "api_key" in raised.value.remedy
    with new_asker(redis_url=dead_redis(), http_url=dead_redis().replace("redis", "http")) as lost:
        with pytest.raises(ServiceUnavailable) as unreachable:
            lost.ask("popular")
        assert "millrace serve" in unreachable.value.remedy
    early = new_asker(redis_url=server.url, key_prefix="other")
    with early, pytest.raises(ServiceUnavailable, match="no list yet"):
        early.ask("popular")


def test_the_example_of_the_readme_runs(server: ValkeyServer, api: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    program = tmp_path / "shop.py"
    addressed = example.replace("redis://localhost:6379/0", server.url).replace("http://localhost:8080", api)
    assert addressed.count(server.url) == addressed.count(api) == 1
    patient = addressed.replace("timeout_seconds=0.5", f'timeout_seconds={PATIENCE_SECONDS}, api_key="{KEY}"')
    program.write_text(patient.replace('"22411"', '"tea"').replace('"84029G"', '"mug"'), "utf-8")
    subprocess.run([sys.executable, "-m", "mypy", "--strict", str(program)], check=True, cwd=README.parent)
    ended = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "17850: session\n  1. cup: goes with mug" in ended.stdout
    assert "tea rises; it goes with cup, spoon" in ended.stdout
