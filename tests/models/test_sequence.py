"""The sequence expert: kernel and torch agree, training learns orders, and its state survives all that may come."""

from typing import Any

import numpy as np
import pytest
import torch

from models.batch import Float32s, Interactions
from models.evaluation import prequential
from models.experts.sequence import (
    EXAMPLES,
    EXAMPLES_SEEN,
    FIRST_RATE,
    STEPS,
    STEPS_DROPPED,
    TRAINED_AT,
    WINDOW_EVENTS,
    Parameters,
    score_sequence,
)
from models.knowledge import EVENTS
from models.neural import training
from models.neural.attention import Encoder
from models.profiles import item_back, remembered
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS, EXPERTS, NEXT_EXPERT, SEQUENCE
from models.shard import ProfileShard
from tests.support.learning import (
    assert_same_state,
    learned,
    lists_of,
    random_batch,
    restored,
    state_of,
    stored,
)

ON = RecommenderOptions(experts=ALL_EXPERTS, sequence_interval_events=100)
ITEMS = 60


def history_rows(shard: ProfileShard, user: int) -> torch.Tensor:
    """(1, 20): the user's last items, newest first."""
    rows = torch.full((1, WINDOW_EVENTS), -1)
    for back in range(min(remembered(shard.profiles, user), WINDOW_EVENTS)):
        rows[0, back] = item_back(shard.profiles, user, back)
    return rows


def scores_of_kernel(recommender: Recommender, shard: ProfileShard, user: int) -> tuple[Float32s, torch.Tensor]:
    """What the expert says of all items of the catalogue; and the rows."""
    candidates = recommender.scratch.candidates
    row: Any = np.int32(user)  # as learning hands it on: another type would compile the kernel again
    rows = recommender.vocabulary.rows_in_use()
    candidates.items[: len(rows)] = rows
    candidates.found[0] = len(rows)
    out = np.zeros_like(candidates.scores[SEQUENCE])
    score_sequence(recommender.knowledge.sequence, recommender.scratch.sequence, shard.profiles, row, candidates, out)
    return out[: len(rows)], torch.from_numpy(rows.astype(np.int64))


def one_order(users: int, rounds: int) -> Interactions:
    """Everybody takes the items in one order that only the last two together tell: a b x c d x ..."""
    cycle = [0, 1, 9, 2, 3, 9, 4, 5, 9, 6, 7, 9]
    steps = [(user, (user + turn) % len(cycle)) for turn in range(rounds) for user in range(users)]
    who, what = [f"u{user}" for user, _ in steps], [f"i{cycle[place]}" for _, place in steps]
    return Interactions.of(who, what, 1000 * np.arange(len(steps)))


def test_kernel_and_torch_say_the_same() -> None:
    recommender, shard = learned(ON, random_batch(1, 1500, 30, ITEMS))
    shard.profiles.items[3, (shard.profiles.events[3] - 3) % shard.profiles.items.shape[1]] = -1
    shard.profiles.items[4, (shard.profiles.events[4] - 1) % shard.profiles.items.shape[1]] = -1
    encoder = Encoder(recommender.knowledge.sequence.averages)
    for user in range(30):
        scores, rows = scores_of_kernel(recommender, shard, user)
        with torch.no_grad():
            logits = encoder.logits(encoder(history_rows(shard, user)))[0, rows]
        np.testing.assert_allclose(scores, (logits - logits.max()).exp(), rtol=2e-4, atol=1e-7)


def test_it_says_nothing_before_it_was_trained_or_of_somebody_new() -> None:
    recommender, shard = learned(ON, random_batch(1, 99, 5, ITEMS))
    assert not scores_of_kernel(recommender, shard, 2)[0].any()
    recommender.learn(shard, random_batch(2, 1, 5, ITEMS))
    assert scores_of_kernel(recommender, shard, 2)[0].all()
    shard.users.assign(["nobody yet"])
    shard.make_room(0)
    assert not scores_of_kernel(recommender, shard, shard.users.row("nobody yet"))[0].any()


@pytest.mark.parametrize("full_softmax_items", [training.FULL_SOFTMAX_ITEMS, 5], ids=["full", "sampled"])
def test_it_learns_what_only_the_order_of_two_items_tells(
    monkeypatch: pytest.MonkeyPatch, full_softmax_items: int
) -> None:
    monkeypatch.setattr(training, "FULL_SOFTMAX_ITEMS", full_softmax_items)
    options = RecommenderOptions(experts=ALL_EXPERTS, sequence_interval_events=40)
    recommender, shard = learned(options, one_order(12, 400))
    hits = 0
    for user in range(12):
        scores, _ = scores_of_kernel(recommender, shard, user)
        following = one_order(12, 401).items[12 * 400 + user]
        hits += int(scores.argmax() == recommender.vocabulary.row(following))
    assert hits == 12


def test_it_is_trained_at_every_interval_of_events_that_count() -> None:
    batch = random_batch(3, 450, 20, ITEMS)
    batch.weights[::3] = 0
    recommender, _ = learned(ON, batch)
    counters = recommender.knowledge.sequence.counters
    assert recommender.events == 300
    assert counters[TRAINED_AT] == 300
    assert counters[STEPS] == 3 * (1 + training.REPLAYED_BATCHES)
    assert counters[EXAMPLES_SEEN] == 300 - 20  # less each user's first event


def test_examples_hold_the_history_as_it_was_before_the_item_came() -> None:
    recommender, _ = learned(ON, Interactions.of(["a", "b", "a", "a"], list("xyzx"), range(4)))
    sequence, row = recommender.knowledge.sequence, recommender.vocabulary.row
    assert sequence.counters[EXAMPLES_SEEN] == 2
    assert sequence.targets[:3].tolist() == [row("z"), row("x"), -1]
    assert sequence.histories[0, :2].tolist() == [row("x"), -1]
    assert sequence.histories[1, :3].tolist() == [row("z"), row("x"), -1]
    assert sequence.weights[:3].tolist() == [1, 1, 0]


def test_the_ring_of_examples_overwrites_the_oldest() -> None:
    recommender, shard = learned(ON, random_batch(4, 50, 5, ITEMS))
    sequence = recommender.knowledge.sequence
    sequence.counters[EXAMPLES_SEEN] = 3 * EXAMPLES + 7
    before = sequence.targets.copy()
    recommender.learn(shard, Interactions.of(["u1"], ["i5"], [10**9]))
    assert sequence.targets[7] == recommender.vocabulary.row("i5")
    assert np.count_nonzero(sequence.targets != before) <= 1


def test_an_item_that_gives_up_its_row_leaves_nothing_behind() -> None:
    options = RecommenderOptions(experts=ALL_EXPERTS, sequence_interval_events=50, max_items=20)
    recommender, shard = learned(options, random_batch(5, 400, 10, 20))
    sequence, first = recommender.knowledge.sequence, Parameters.first(20)
    known = set(recommender.vocabulary.rows_in_use().tolist())
    recommender._forget_items()
    (gone,) = known - set(recommender.vocabulary.rows_in_use().tolist())
    for learned_items in (sequence.parameters.items, sequence.averages.items):
        np.testing.assert_array_equal(learned_items[gone], first.items[gone])
    for table in (sequence.parameters.bias, sequence.averages.bias, *sequence.means[:2], *sequence.squares[:2]):
        assert not table[gone].any()
    assert gone not in sequence.histories
    assert gone not in sequence.targets
    recommender.learn(shard, random_batch(6, 400, 10, 40))
    assert all(np.isfinite(table).all() for table in sequence.parameters)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_step_that_is_not_finite_changes_nothing_but_the_rate(broken: float) -> None:
    recommender, shard = learned(ON, random_batch(7, 150, 10, ITEMS))
    sequence = recommender.knowledge.sequence
    dropped = 1 + training.REPLAYED_BATCHES
    sequence.parameters.query[0, 0] = broken
    before = [table.copy() for tree in sequence[:4] for table in tree]
    recommender.learn(shard, random_batch(8, 60, 10, ITEMS))
    for table, same in zip((table for tree in sequence[:4] for table in tree), before, strict=True):
        np.testing.assert_array_equal(table, same)
    assert sequence.counters[STEPS_DROPPED] == dropped
    assert sequence.rate[0] == FIRST_RATE / 2**dropped
    sequence.parameters.query[0, 0] = 0.1
    recommender.learn(shard, random_batch(9, 100, 10, ITEMS))
    assert sequence.counters[STEPS_DROPPED] == dropped
    assert not np.array_equal(sequence.parameters.query, before[3])


def test_many_threads_train_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        states.append(state_of(*learned(ON, random_batch(10, 300, 20, ITEMS))))
    assert_same_state(*states)


def test_it_may_be_switched_on_after_a_restart() -> None:
    off = RecommenderOptions()
    recommender, shard = learned(off, random_batch(11, 500, 20, ITEMS))
    other, other_shard = restored(ON, recommender, shard)
    assert other.knowledge.sequence.counters.tolist() == [0, 0, 0, 0]
    weights = other.mixture.weights
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[:, SEQUENCE], (1 / 12) / (1 + 1 / 12))
    np.testing.assert_array_equal(
        other.knowledge.ranker.inner[:, : len(recommender.knowledge.ranker.shared)], recommender.knowledge.ranker.inner
    )
    other.learn(other_shard, random_batch(12, 300, 20, ITEMS))
    assert other.knowledge.sequence.counters[TRAINED_AT] == 701
    assert scores_of_kernel(other, other_shard, 1)[0].all()


def test_it_may_be_switched_off_after_a_restart() -> None:
    recommender, shard = learned(ON, random_batch(13, 500, 20, ITEMS))
    other, other_shard = restored(RecommenderOptions(), recommender, shard)
    assert other.mixture.weights.shape[1] == len(EXPERTS)
    np.testing.assert_allclose(other.mixture.weights.sum(axis=1), 1)
    np.testing.assert_array_equal(
        other.knowledge.ranker.shared, recommender.knowledge.ranker.shared[: len(other.knowledge.ranker.shared)]
    )
    other.learn(other_shard, random_batch(14, 100, 20, ITEMS))
    assert all(lists_of(other, other_shard).values())
    assert not any(name.startswith("knowledge.sequence") for name in other.dump())


def test_switched_on_later_it_trains_at_the_next_event_and_then_at_its_interval() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(15, 777, 20, ITEMS))
    other, other_shard = restored(ON, recommender, shard)
    for events, trained_at in ((1, 778), (99, 778), (1, 878)):
        other.learn(other_shard, random_batch(16, events, 20, ITEMS))
        assert other.knowledge.sequence.counters[TRAINED_AT] == trained_at


def test_examples_that_name_rows_that_are_not_there_are_refused() -> None:
    recommender, _ = learned(ON, random_batch(17, 100, 5, ITEMS))
    for table in ("histories", "targets"):
        arrays = stored(recommender.dump())
        arrays[f"knowledge.sequence.{table}"][5] = 100_000
        with pytest.raises(ValueError, match="rows that do not exist"):
            Recommender(ON).load(arrays)


def test_it_foresees_what_counting_pairs_of_items_cannot() -> None:
    recommender = Recommender(RecommenderOptions(experts=ALL_EXPERTS, sequence_interval_events=100))
    outcomes = prequential(recommender, recommender.new_shard(), one_order(12, 300))
    late = outcomes.expert_ranks[-1200:]
    assert (late[:, SEQUENCE] == 1).all()
    assert (late[:, NEXT_EXPERT] == 1).mean() < 0.8


def test_a_recommender_without_it_holds_and_saves_none_of_its_tables() -> None:
    recommender, _ = learned(RecommenderOptions(), random_batch(18, 50, 5, 9))
    assert sum(table.size for tree in recommender.knowledge.sequence[:4] for table in tree) == 0
    assert sum(table.size for table in recommender.knowledge.sequence[4:]) == 0
    assert not any("sequence" in name for name in recommender.dump())
    assert recommender.knowledge.counters[EVENTS] == 50
