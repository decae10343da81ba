"""Real workers under load are restarted, frozen, doubled, slowed down, starved: nothing is lost or learned twice."""

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.hooks import STEPS, dawdle_in, dawdle_over_a_batch
from tests.support.waiting import wait_for_seconds, wait_until
from worker.embedded.kafka_broker import KafkaBroker

EVENTS_PER_SECOND = 1000.0
SESSION_SECONDS = 3.0
FENCED, FORCED = 17, 130
END_SECONDS = 20.0

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def under_load(kafka: KafkaBroker, redis_url: str, topic_name: str, tmp_path: Path) -> Callable[..., FaultRun]:
    """A run whose workers have these settings; `a__b=c` sets a.b."""

    def make(**others: Any) -> FaultRun:
        others = {"kafka__session_timeout_seconds": SESSION_SECONDS} | others
        settings = fault_settings(kafka.bootstrap_servers, redis_url, topic_name, tmp_path, **others)
        return FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND)

    return make


@contextmanager
def pair(run: FaultRun) -> Iterator[tuple[Any, Any]]:
    """Two workers of static names that share the partitions."""
    with run:
        first = run.start(0)
        run.wait_for_share(4)
        second = run.start(1)
        run.wait_for_share(2, 2)
        yield first, second


def test_a_rolling_restart_of_workers_with_names_moves_no_partition_and_loses_nothing(
    under_load: Callable[..., FaultRun],
) -> None:
    with pair(run := under_load(kafka__session_timeout_seconds=30.0)) as workers:  # the default: restarts lie within it
        share, epochs = run.share(), run.epochs()
        for number, worker in enumerate(workers):
            assert worker.terminate() == 0
            run.start(number).wait_ready()
            run.wait_for_share(2, 2)
        assert run.share() == share
        assert run.epochs() == {partition: epoch + 1 for partition, epoch in epochs.items()}
        assert run.finish(*run.workers.values()).faults() == {}


def test_scaled_from_one_to_three_and_back_no_user_loses_a_list(under_load: Callable[..., FaultRun]) -> None:
    with under_load(kafka__instance_id=None) as run:
        first = run.start(0)
        run.wait_for_share(4)
        wait_until(lambda: run.lists.writes > 2 * len(run.load.users), END_SECONDS, "all users have lists")
        began = time.time()
        run.start(1), run.start(2)
        run.wait_for_share(2, 1, 1)
        assert [run.workers[f"w-{number}"].terminate() for number in (1, 2)] == [0, 0]
        run.wait_for_share(4, 0, 0)
        stood_still_seconds = run.lists.stood_still_seconds(began, time.time())
        assert run.finish(first).faults() == {}
    assert run.lists.removed == 0
    assert stood_still_seconds < END_SECONDS


def test_a_worker_frozen_for_longer_than_its_session_does_no_harm_when_it_thaws(
    under_load: Callable[..., FaultRun],
) -> None:
    with pair(run := under_load()) as (frozen, other):
        frozen.send(signal.SIGSTOP)
        wait_until(lambda: len(other.owned_partitions()) == 4, END_SECONDS, "the other takes over")
        wait_for_seconds(1.0)  # it publishes lists of a higher epoch
        frozen.send(signal.SIGCONT)
        assert frozen.wait(END_SECONDS) == FENCED
        run.start(0)
        run.wait_for_share(2, 2)
        assert run.finish(*run.workers.values()).faults() == {}


def test_of_two_workers_with_the_same_name_the_older_one_ends(under_load: Callable[..., FaultRun]) -> None:
    with under_load() as run:
        older = run.start(0)
        run.wait_for_share(4)
        newer = run.start(0)
        assert older.wait(END_SECONDS) == FENCED
        wait_until(lambda: newer.ended or newer.owned_partitions(), END_SECONDS, "the newer one works, or ended")
        if newer.ended:  # the older one wrote one more snapshot after the newer one had looked
            assert newer.wait(END_SECONDS) == FENCED
            newer = run.start(0)
        run.wait_for_share(4)
        assert run.finish(newer).faults() == {}


def test_a_worker_that_dies_for_good_is_replaced_after_its_session_and_may_come_back(
    under_load: Callable[..., FaultRun],
) -> None:
    with pair(run := under_load()) as (dying, _):
        killed_at = time.monotonic()
        dying.kill()
        run.wait_for_share(0, 4)
        assert time.monotonic() - killed_at > SESSION_SECONDS / 2
        run.start(0)
        run.wait_for_share(2, 2)
        assert run.finish(*run.workers.values()).faults() == {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_ended_within_any_step_of_a_checkpoint_goes_on(
    under_load: Callable[..., FaultRun], tmp_path: Path, number: signal.Signals
) -> None:
    with under_load() as run:
        for step in STEPS:
            mark = tmp_path / step
            worker = run.start(0, dawdle_in(step, mark))
            wait_until(mark.exists, END_SECONDS, f"it is within {step}")
            worker.send(number)
            assert worker.wait(END_SECONDS) == (0 if number == signal.SIGTERM else -number), step
        assert run.finish(run.start(0)).faults() == {}


def test_a_second_sigterm_ends_the_process_at_once(under_load: Callable[..., FaultRun], tmp_path: Path) -> None:
    with under_load() as run:
        worker = run.start(0, dawdle_over_a_batch(tmp_path / "mark", seconds=30.0))
        wait_until((tmp_path / "mark").exists, END_SECONDS, "a batch takes long")
        worker.send(signal.SIGTERM)
        wait_for_seconds(0.5)  # two at the same moment are one
        assert not worker.ended
        worker.send(signal.SIGTERM)
        assert worker.wait(END_SECONDS) == FORCED
        assert run.finish(run.start(0)).faults() == {}


def test_a_batch_that_outlasts_the_poll_interval_costs_the_worker_its_partitions(
    under_load: Callable[..., FaultRun], tmp_path: Path
) -> None:
    with under_load(kafka__max_poll_interval_seconds=2.0, kafka__session_timeout_seconds=2.0) as run:
        slow = run.start(0, dawdle_over_a_batch(tmp_path / "mark", seconds=12.0))
        wait_until((tmp_path / "mark").exists, END_SECONDS, "a batch takes long")
        other = run.start(1)
        wait_until(lambda: len(other.owned_partitions()) == 4, END_SECONDS, "the other takes over")
        assert slow.wait(END_SECONDS) == FENCED
        assert run.finish(other).faults() == {}


def test_a_worker_that_gets_no_memory_ends_or_is_not_live_and_its_restart_goes_on(
    under_load: Callable[..., FaultRun],
) -> None:
    with under_load(health__stall_seconds=3.0) as run:
        starved = run.start(0)
        run.serves_again(time.time(), {})
        size_bytes = psutil.Process(starved.pid).memory_info().vms
        resource.prlimit(starved.pid, resource.RLIMIT_AS, (size_bytes // 2, size_bytes // 2))
        # A thread that gets no memory for its start leaves whoever starts it waiting for ever.
        wait_until(lambda: starved.ended or starved.page("/livez")[0] != 200, END_SECONDS, "it ends, or is not live")
        if not starved.ended:
            starved.kill()  # as whoever watches /livez does
        assert starved.wait(END_SECONDS) not in (0, FENCED)
        assert run.finish(run.start(0)).faults() == {}
