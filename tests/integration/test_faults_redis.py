"""A real Valkey fails in every way under a real worker: learning goes on, and the lists are right in the end."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from typing_extensions import override

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.live_worker import OtherProcess
from tests.support.proxy import Proxy
from tests.support.waiting import wait_for_seconds, wait_until
from worker.embedded.kafka_broker import KafkaBroker
from worker.embedded.ports import HOST, free_ports
from worker.embedded.valkey_server import ValkeyServer

EVENTS_PER_SECOND = 1000.0
OUTAGE_SECONDS = 20.0
SHORT_SECONDS = 3.0
SEEN_SECONDS = 20.0
MANY_KEYS, LOAD_MICROSECONDS = 20_000, 200  # it answers after each thousand commands

pytestmark = pytest.mark.timeout(240)

Fault = Callable[[ValkeyServer], AbstractContextManager[None]]


class SlowLoading(ValkeyServer):
    """Keeps its keys on disk, and loads them slowly when it starts."""

    @override
    def _command(self) -> list[str]:
        return [*super()._command(), "--key-load-delay", str(LOAD_MICROSECONDS)]


@pytest.fixture
def settings(kafka: KafkaBroker, redis_url: str, topic_name: str, tmp_path: Path) -> dict[str, Any]:
    return fault_settings(kafka.bootstrap_servers, redis_url, topic_name, tmp_path)


@contextmanager
def stopped(valkey: ValkeyServer) -> Iterator[None]:
    """It is gone, and comes back empty."""
    valkey.kill()
    yield
    valkey.start()


@contextmanager
def hung(valkey: ValkeyServer) -> Iterator[None]:
    """It takes connections and answers nothing; what it was sent it does afterwards."""
    os.kill(valkey.pid, signal.SIGSTOP)
    yield
    os.kill(valkey.pid, signal.SIGCONT)


@contextmanager
def full(valkey: ValkeyServer) -> Iterator[None]:
    """`OOM command not allowed when used memory > 'maxmemory'`."""
    with redis.Redis.from_url(valkey.url) as client:
        client.config_set("maxmemory", "1mb")
        yield
        client.config_set("maxmemory", "0")


@contextmanager
def read_only(valkey: ValkeyServer) -> Iterator[None]:
    """It became a replica, as after a failover; of nobody, so that its keys stay."""
    with redis.Redis.from_url(valkey.url) as client:
        client.replicaof(HOST, free_ports(1)[0])
        yield
        client.replicaof("NO", "ONE")


def write_much(client: redis.Redis) -> None:
    with client.pipeline(transaction=False) as pipeline:
        for number in range(MANY_KEYS):
            pipeline.set(f"other:{number}", number)
        pipeline.execute()


def wait_for_lists(run: FaultRun, writes: int) -> None:
    wait_until(lambda: run.lists.writes >= writes, SEEN_SECONDS, f"{writes} lists were written")


def is_unready(worker: OtherProcess) -> bool:
    return worker.page("/readyz") == (503, "Redis does not take lists")


def learns_meanwhile(worker: OtherProcess) -> None:
    """Learning does not wait for Redis."""
    learned = worker.metric("events_learned_total")
    wait_until(lambda: worker.metric("events_learned_total") > learned + 500, SEEN_SECONDS, "learning goes on")
    assert worker.page("/livez")[0] == 200


def goes_through(run: FaultRun, worker: OtherProcess, fault: AbstractContextManager[None], seconds: float) -> None:
    """The worker says that it cannot publish, goes on learning, and is ready again soon after the fault."""
    worker.wait_ready()
    wait_for_lists(run, len(run.load.users))
    with fault:
        wait_until(lambda: is_unready(worker), SEEN_SECONDS, "it is not ready")
        learns_meanwhile(worker)
        wait_for_seconds(seconds)
        assert is_unready(worker)
        assert worker.metric("waiting_users") > 0
        assert worker.metric("lists_failed_total") > 0
    worker.wait_ready()


@pytest.mark.parametrize(
    ("fault", "seconds"), [(stopped, OUTAGE_SECONDS), (hung, SHORT_SECONDS), (full, 1.0), (read_only, 1.0)]
)
def test_learning_goes_on_while_redis_takes_no_lists_and_all_are_right_afterwards(
    valkey: ValkeyServer, settings: dict[str, Any], tmp_path: Path, fault: Fault, seconds: float
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        goes_through(run, worker, fault(valkey), seconds)
        assert run.finish(worker).faults() == {}


def test_a_redis_that_loads_its_keys_is_waited_for(settings: dict[str, Any], tmp_path: Path) -> None:
    with (
        SlowLoading(tmp_path / "valkey", persist=True) as valkey,
        redis.Redis.from_url(valkey.url) as client,
        FaultRun(settings | {"redis.url": valkey.url}, tmp_path, rate=EVENTS_PER_SECOND) as run,
    ):
        worker = run.start()
        worker.wait_ready()
        write_much(client)
        wait_for_lists(run, len(run.load.users))
        valkey.kill()
        valkey.start()
        with pytest.raises(redis.BusyLoadingError):
            client.get("any")
        wait_until(lambda: is_unready(worker), SEEN_SECONDS, "it is not ready")
        worker.wait_ready()
        assert run.finish(worker).faults() == {}


def test_scripts_that_redis_forgot_are_sent_again(
    valkey: ValkeyServer, settings: dict[str, Any], tmp_path: Path
) -> None:
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start()
        with redis.Redis.from_url(valkey.url) as client:
            for _ in range(5):
                client.script_flush()
                wait_for_lists(run, run.lists.writes + 1)
        assert worker.metric("lists_failed_total") == 0
        assert run.finish(worker).faults() == {}


def test_a_network_to_redis_that_is_cut_half_open_or_slow_delays_lists_and_spoils_none(
    valkey: ValkeyServer, settings: dict[str, Any], tmp_path: Path
) -> None:
    port = int(valkey.url.rsplit(":", 1)[1].split("/")[0])
    with Proxy(port) as proxy, FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        worker = run.start(redis__url=f"redis://{HOST}:{proxy.port}/0")
        goes_through(run, worker, proxy.cut(), 1.0)
        goes_through(run, worker, proxy.half_open(), SHORT_SECONDS)
        with proxy.slow(0.2):
            learns_meanwhile(worker)
            assert worker.page("/readyz")[0] == 200
        assert run.finish(worker).faults() == {}
