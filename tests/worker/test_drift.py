"""What a worker does is watched for changes: each is told to the observer and logged once."""

import numpy as np
import numpy.typing as npt
from structlog.testing import capture_logs
from typing_extensions import override

from models.foresight import Trainings
from models.learned import Learned
from models.learning import Served, Surprises
from tests.support.deferred import Deferred
from worker.adapters.memory import Immediate
from worker.drift import DriftWatch
from worker.observers import Drift, Observer

EVENTS = 30_000


class Told(Observer):
    """Remembers what drifted."""

    def __init__(self) -> None:
        self.drifts: list[Drift] = []

    @override
    def drifted(self, drift: Drift) -> None:
        self.drifts.append(drift)


def shares(before: float, after: float) -> npt.NDArray[np.int32]:
    """0 and 1, of which there are as many as said before and after half of the events."""
    random = np.random.default_rng(1)
    return (random.random(EVENTS) < np.repeat([before, after], EVENTS // 2)).astype(np.int32)


def learned(
    hits: tuple[float, float] = (0.3, 0.3),
    loss: tuple[float, float] = (4.0, 4.0),
    new_items: tuple[float, float] = (0.02, 0.02),
    renewals: int = 0,
) -> Learned:
    """A batch in which something changes half-way; every third event has no list and taught the ranker nothing."""
    served, surprises = Served.empty(EVENTS), Surprises.empty(EVENTS)
    served.places[:] = shares(*hits) * 5
    surprises.log_losses[:] = np.random.default_rng(2).gamma(4.0, np.repeat(loss, EVENTS // 2) / 4.0)
    surprises.new_items[:] = shares(*new_items)
    served.places[::3], surprises.log_losses[::3] = -1, -1
    return Learned(np.zeros(EVENTS, np.int32), served, surprises, renewals, Trainings(), [])


def told_of(batch: Learned) -> list[Drift]:
    told = Told()
    with capture_logs() as lines:
        watch = DriftWatch(told, Immediate())
        watch.ranked(np.zeros(0))
        watch.learned(batch)
    assert [line["signal"] for line in lines] == [drift.value for drift in told.drifts]
    return told.drifts


def test_a_steady_stream_has_no_drift() -> None:
    assert told_of(learned()) == []


def test_served_hits_that_fall_are_told_by_both_of_their_tests() -> None:
    assert told_of(learned(hits=(0.3, 0.05))) == [Drift.SERVED_HITS, Drift.SERVED_HITS_LEVEL]


def test_a_log_loss_that_rises_is_told() -> None:
    assert told_of(learned(loss=(4.0, 7.0))) == [Drift.LOG_LOSS]


def test_new_items_that_come_more_often_are_told() -> None:
    assert told_of(learned(new_items=(0.02, 0.2))) == [Drift.NEW_ITEMS]


def test_learning_rates_that_rose_are_told_each_time() -> None:
    assert told_of(learned(renewals=2)) == [Drift.LEARNING_RATES] * 2


def test_margins_of_another_shape_are_told() -> None:
    told, random = Told(), np.random.default_rng(3)
    watch = DriftWatch(told, Immediate())
    for spread in np.repeat([0.1, 0.4], [800, 300]):
        watch.ranked(random.normal(0.5, spread, 100))
    assert Drift.SCORE_MARGINS in told.drifts


def test_what_happens_before_the_detectors_have_loaded_is_seen_afterwards() -> None:
    told, loading = Told(), Deferred()
    watch = DriftWatch(told, loading)
    watch.learned(learned(loss=(4.0, 7.0)))
    watch.ranked(np.zeros(1))
    assert told.drifts == []
    loading.work()
    watch.ranked(np.zeros(1))
    assert told.drifts == [Drift.LOG_LOSS]


def test_nothing_is_loaded_before_the_first_list_is_ranked() -> None:
    loading = Deferred()
    watch = DriftWatch(Told(), loading)
    watch.learned(learned())
    assert not loading.waiting
    watch.ranked(np.zeros(1))
    watch.ranked(np.zeros(1))
    assert len(loading.waiting) == 1
