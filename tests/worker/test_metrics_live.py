"""The metrics of a whole worker, on adapters in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.records import line
from tests.support.rig import Rig
from tests.support.stream import shop
from worker.adapters.memory_source import MemoryEventSource
from worker.assembly import assemble
from worker.health import HealthServer

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class Measured:
    """A rig whose worker has a health port."""

    rig: Rig
    health: HealthServer

    def series(self, kind: str) -> Series:
        """Name and labels of all samples of metrics of this kind, with their values."""
        with urlopen(f"http://127.0.0.1:{self.health.port}/metrics", timeout=5) as page:
            families = text_string_to_metric_families(page.read().decode())
            samples = [sample for family in families if family.type == kind for sample in family.samples]
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

    def gauge(self, name: str) -> float:
        """Of one without labels."""
        return self.series("gauge")[f"millrace_{name}", frozenset()]


@pytest.fixture
def measured() -> Iterator[Measured]:
    rig = Rig(overrides={"health__port": 0, "events__kinds": {"like": 2.0}}, source=MemoryEventSource(3))
    rig.worker, health = assemble(rig.settings, rig.adapters(), [rig.watcher])
    health.start()
    yield Measured(rig, health)
    health.stop()


def test_readiness_partitions_and_the_interval_of_snapshots_are_shown_and_follow_a_reload(measured: Measured) -> None:
    rig = measured.rig
    assert measured.gauge("ready") == 0

    def at_round(number: int) -> None:
        if number == 5:
            assert measured.gauge("ready") == 1
            assert (measured.gauge("topic_partitions"), measured.gauge("owned_partitions")) == (3, 3)
            assert measured.gauge("snapshot_interval_seconds") == rig.settings.snapshots.interval_seconds
            quicker = rig.settings.snapshots.model_copy(update={"interval_seconds": 7.0})
            rig.worker.reload(rig.settings.model_copy(update={"snapshots": quicker}))

    rig.run(at_round)
    assert measured.gauge("snapshot_interval_seconds") == 7
    assert measured.gauge("ready") == 0, "it has stopped"


def test_every_counter_stands_at_0_before_anything_happens_and_none_comes_later(measured: Measured) -> None:
    """Prometheus sees no increase in a series whose first value is 1."""
    at_the_start = measured.series("counter")
    own = {name for name in at_the_start if name[0].startswith("millrace_")}
    assert all(at_the_start[name] == 0 for name in own)
    shop(measured.rig.source, 60)
    for value in (b"{", b"[]", b"\xff", None, line("ann", "tea", event="nonsense"), line("", "tea")):
        measured.rig.source.append(value, b"k")
    measured.rig.run(lambda number: shop(measured.rig.source, 60) if number == 6 else None)  # lists stand by then
    afterwards = measured.series("counter")
    assert afterwards.keys() == at_the_start.keys()
    assert sum(value > 0 for name, value in afterwards.items() if name in own) > 10
