"""The trainer's thread: it keeps to its budget, the same comes of it as without, and errors are not lost."""

from threading import Event

import numpy as np
import pytest

from models.foresight import Trainings
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS
from models.sequence_options import SequenceOptions
from tests.support.learning import assert_same_state, learned, random_batch, state_of
from worker.adapters.clock import SystemClock
from worker.adapters.memory import ManualClock
from worker.trainer import Trainer

ON = RecommenderOptions(experts=ALL_EXPERTS, sequence=SequenceOptions(50))


def test_what_is_trained_beside_the_line_is_the_same_as_at_once() -> None:
    batch = random_batch(1, 700, 20, 60)
    recommender = Recommender(ON, Trainer(1.0, SystemClock()))
    shard = recommender.new_shard()
    for start in range(0, 700, 70):
        recommender.learn(shard, batch.slice(start, start + 70))
    assert recommender.foresight.trainings == Trainings(begun=14)
    assert_same_state(state_of(recommender, shard), state_of(*learned(ON, batch)))


def test_after_a_training_the_budget_asks_for_a_rest() -> None:
    clock = ManualClock()
    trainer = Trainer(0.25, clock)
    assert trainer.is_free()
    trainer(lambda: clock.advance(2.0))()
    assert not trainer.is_free()
    clock.advance(5.9)
    assert not trainer.is_free()
    clock.advance(0.2)
    assert trainer.is_free()


@pytest.mark.parametrize(("share", "free"), [(0.5, False), (1.0, True)])
def test_while_a_training_runs_none_may_begin_unless_the_line_is_to_wait(share: float, free: bool) -> None:
    trainer, end = Trainer(share, SystemClock()), Event()
    wait = trainer(lambda: assert_ended(end))
    assert trainer.is_free() == free
    end.set()
    wait()


def assert_ended(end: Event) -> None:
    """Waits."""
    assert end.wait(60)


def test_a_training_that_fails_ends_the_line_where_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    recommender = Recommender(ON, Trainer(1.0, SystemClock()))
    shard = recommender.new_shard()
    monkeypatch.setattr("models.neural.online.train", fail)
    with pytest.raises(MemoryError):
        recommender.learn(shard, random_batch(2, 120, 9, 30))


def fail(*_: object) -> None:
    """In place of training."""
    raise MemoryError


def test_a_worker_that_leaves_trainings_out_learns_all_the_same() -> None:
    recommender = Recommender(ON, Trainer(1e-6, SystemClock()))
    shard = recommender.new_shard()
    told = [recommender.learn(shard, random_batch(seed, 200, 20, 60)).trainings for seed in range(3)]
    assert sum(each.begun for each in told) == 1
    assert sum(each.left_out for each in told) == 11
    assert recommender.events == 600
    assert np.isfinite(recommender.mixture.weights).all()
