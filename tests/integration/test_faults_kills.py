"""A real worker under load is killed over and over, and nothing is lost, doubled or overwritten by something older."""

from pathlib import Path

import pytest

from tests.support.fault_run import FaultRun, fault_settings
from tests.support.kills import kill_again_and_again
from worker.embedded.kafka_broker import KafkaBroker

KILLS = 20
EVENTS_PER_SECOND = 5000.0


@pytest.mark.timeout(400)
def test_killed_20_times_at_random_moments_under_5000_events_a_second_it_loses_and_doubles_nothing(
    kafka: KafkaBroker, redis_url: str, topic_name: str, tmp_path: Path
) -> None:
    settings = fault_settings(kafka.bootstrap_servers, redis_url, topic_name, tmp_path)
    with FaultRun(settings, tmp_path, rate=EVENTS_PER_SECOND) as run:
        killed = kill_again_and_again(run, KILLS)
    assert killed.verdict.faults() == {}
    assert killed.events_per_second > 0.8 * EVENTS_PER_SECOND
    assert min(run.lists.epochs().values()) > KILLS, "each life has an epoch of its own"
    assert run.offsets.looks > 0
    assert run.lists.writes > killed.verdict.users
