"""The sequence expert: histories are foreseen as they will be, training learns orders, and its state survives."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.evaluation import prequential
from models.experts.sequence import (
    EXAMPLES,
    EXAMPLES_SEEN,
    FORESEEN,
    TRAINED_AT,
    UPDATES,
    WINDOW_EVENTS,
    Foreseen,
    earlier_of_user,
    foresee_events,
    foresee_users,
)
from models.foresight import AtOnce, Trainings, always
from models.knowledge import EVENTS
from models.neural import training
from models.neural.online import FIRST_RATE, OnlineModel
from models.neural.reading import BIAS, ITEMS
from models.neural.training import STEPS, STEPS_DROPPED
from models.profiles import NOBODY, Profiles, append_event, item_back, reject_item, remembered
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS, NEXT_EXPERT, SEQUENCE
from models.sequence_options import SequenceOptions
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
from tests.support.sequence import CATALOGUE, ON, model_of, scores_of_kernel


def history_rows(shard: ProfileShard, user: int) -> torch.Tensor:
    """(1, 20): the user's last items, newest first."""
    rows = torch.full((1, WINDOW_EVENTS), -1)
    for back in range(min(remembered(shard.profiles, user), WINDOW_EVENTS)):
        rows[0, back] = item_back(shard.profiles, user, back)
    return rows


def one_order(users: int, rounds: int) -> Interactions:
    """Everybody takes the items in one order that only the last two together tell: a b x c d x ..."""
    cycle = [0, 1, 9, 2, 3, 9, 4, 5, 9, 6, 7, 9]
    steps = [(user, (user + turn) % len(cycle)) for turn in range(rounds) for user in range(users)]
    who, what = [f"u{user}" for user, _ in steps], [f"i{cycle[place]}" for _, place in steps]
    return Interactions.of(who, what, 1000 * np.arange(len(steps)))


def test_kernel_and_torch_say_the_same() -> None:
    recommender, shard = learned(ON, random_batch(1, 1500, 30, CATALOGUE))
    shard.profiles.items[3, (shard.profiles.events[3] - 3) % shard.profiles.items.shape[1]] = -1
    shard.profiles.items[4, (shard.profiles.events[4] - 1) % shard.profiles.items.shape[1]] = -1
    sequence, encoder = recommender.knowledge.sequence, model_of(recommender)._serving
    items, bias = torch.from_numpy(sequence.items), torch.from_numpy(sequence.bias)
    for user in range(30):
        scores, rows = scores_of_kernel(recommender, shard, user)
        with torch.no_grad():
            logits = (encoder.read(items, history_rows(shard, user)) @ items.T + bias)[0, rows]
        np.testing.assert_allclose(scores, (logits - logits.max()).exp(), rtol=2e-4, atol=1e-7)


def test_it_says_nothing_before_it_was_trained_or_of_somebody_new() -> None:
    recommender, shard = learned(ON, random_batch(1, 199, 5, CATALOGUE))
    assert not scores_of_kernel(recommender, shard, 2)[0].any()
    recommender.learn(shard, random_batch(2, 1, 5, CATALOGUE))
    assert scores_of_kernel(recommender, shard, 2)[0].all()
    shard.users.assign(["nobody yet"])
    shard.make_room(0)
    assert not scores_of_kernel(recommender, shard, shard.users.row("nobody yet"))[0].any()


@pytest.mark.parametrize("full_softmax_items", [training.FULL_SOFTMAX_ITEMS, 5], ids=["full", "sampled"])
def test_it_learns_what_only_the_order_of_two_items_tells(
    monkeypatch: pytest.MonkeyPatch, full_softmax_items: int
) -> None:
    monkeypatch.setattr(training, "FULL_SOFTMAX_ITEMS", full_softmax_items)
    options = RecommenderOptions(experts=(*EXPERTS, "sequence"), sequence=SequenceOptions(40))
    recommender, shard = learned(options, one_order(12, 400))
    hits = 0
    for user in range(12):
        scores, _ = scores_of_kernel(recommender, shard, user)
        following = one_order(12, 401).items[12 * 400 + user]
        hits += int(scores.argmax() == recommender.vocabulary.row(following))
    assert hits == 12


def test_it_is_trained_at_every_interval_of_events_that_count() -> None:
    batch = random_batch(3, 450, 20, CATALOGUE)
    batch.weights[::3] = 0
    recommender, _ = learned(ON, batch)
    counters = recommender.knowledge.sequence.counters
    assert recommender.events == 300
    assert counters[TRAINED_AT] == 300
    assert counters[UPDATES] == 2
    assert recommender.foresight.trainings == Trainings(begun=3)
    assert model_of(recommender).trained == (3 * (1 + training.REPLAYED_BATCHES), 0)
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
    recommender, shard = learned(ON, random_batch(4, 50, 5, CATALOGUE))
    sequence = recommender.knowledge.sequence
    sequence.counters[EXAMPLES_SEEN] = 3 * EXAMPLES + 7
    before = sequence.targets.copy()
    recommender.learn(shard, Interactions.of(["u1"], ["i5"], [10**9]))
    assert sequence.targets[7] == recommender.vocabulary.row("i5")
    assert np.count_nonzero(sequence.targets != before) <= 1


def test_an_item_that_gives_up_its_row_leaves_nothing_behind() -> None:
    options = RecommenderOptions(experts=(*EXPERTS, "sequence"), sequence=SequenceOptions(50), max_items=20)
    recommender, shard = learned(options, random_batch(5, 400, 10, 20))
    sequence, state = recommender.knowledge.sequence, model_of(recommender).state
    first = OnlineModel(20, SequenceOptions(), AtOnce()).state
    known = set(recommender.vocabulary.rows_in_use().tolist())
    recommender._forget_items()
    (gone,) = known - set(recommender.vocabulary.rows_in_use().tolist())
    for learned_items in (state.values[ITEMS], state.averages[ITEMS], sequence.items):
        np.testing.assert_array_equal(learned_items[gone], first.values[ITEMS][gone])
    for table in (sequence.bias, *(tables[BIAS] for tables in state[:4]), state.means[ITEMS], state.squares[ITEMS]):
        assert not table[gone].any()
    assert gone not in sequence.histories
    assert gone not in sequence.targets
    recommender.learn(shard, random_batch(6, 400, 10, 40))
    assert all(np.isfinite(table).all() for table in state.values.values())


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_step_that_is_not_finite_changes_nothing_but_the_rate(broken: float) -> None:
    recommender, shard = learned(ON, random_batch(7, 150, 10, CATALOGUE))
    state, dropped = model_of(recommender).state, 1 + training.REPLAYED_BATCHES
    state.values["query"][0, 0] = broken
    before = [table.copy() for tables in state[:4] for table in tables.values()]
    assert recommender.learn(shard, random_batch(8, 60, 10, CATALOGUE)).trainings == Trainings(1, 0, dropped)
    for table, same in zip((table for tables in state[:4] for table in tables.values()), before, strict=True):
        np.testing.assert_array_equal(table, same)
    assert state.trained[STEPS_DROPPED] == dropped
    assert state.rate[0] == FIRST_RATE / 2**dropped
    state.values["query"][0, 0] = 0.1
    query, steps = state.values["query"].copy(), state.trained[STEPS]
    recommender.learn(shard, random_batch(9, 100, 10, CATALOGUE))
    assert state.trained.tolist() == [steps + dropped, dropped]
    assert not np.array_equal(state.values["query"], query)


def test_many_threads_train_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        states.append(state_of(*learned(ON, random_batch(10, 300, 20, CATALOGUE))))
    assert_same_state(*states)


def test_it_may_be_switched_on_after_a_restart() -> None:
    off = RecommenderOptions()
    recommender, shard = learned(off, random_batch(11, 500, 20, CATALOGUE))
    other, other_shard = restored(ON, recommender, shard)
    assert other.knowledge.sequence.counters.tolist() == [0, 0, 0]
    weights = other.mixture.weights
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[:, SEQUENCE], (1 / 12) / (1 + 1 / 12))
    np.testing.assert_array_equal(
        other.knowledge.ranker.inner[:, : len(recommender.knowledge.ranker.shared)], recommender.knowledge.ranker.inner
    )
    other.learn(other_shard, random_batch(12, 300, 20, CATALOGUE))
    assert other.knowledge.sequence.counters[TRAINED_AT] == 701
    assert scores_of_kernel(other, other_shard, 1)[0].all()


def test_it_may_be_switched_off_after_a_restart() -> None:
    recommender, shard = learned(ON, random_batch(13, 500, 20, CATALOGUE))
    other, other_shard = restored(RecommenderOptions(), recommender, shard)
    assert other.mixture.weights.shape[1] == len(EXPERTS)
    np.testing.assert_allclose(other.mixture.weights.sum(axis=1), 1)
    np.testing.assert_array_equal(
        other.knowledge.ranker.shared, recommender.knowledge.ranker.shared[: len(other.knowledge.ranker.shared)]
    )
    other.learn(other_shard, random_batch(14, 100, 20, CATALOGUE))
    assert all(lists_of(other, other_shard).values())
    assert not any("sequence" in name for name in other.dump())


def test_switched_on_later_it_trains_at_the_next_event_and_then_at_its_interval() -> None:
    recommender, shard = learned(RecommenderOptions(), random_batch(15, 777, 20, CATALOGUE))
    other, other_shard = restored(ON, recommender, shard)
    for events, trained_at in ((1, 778), (99, 778), (1, 878)):
        other.learn(other_shard, random_batch(16, events, 20, CATALOGUE))
        assert other.knowledge.sequence.counters[TRAINED_AT] == trained_at


def test_examples_that_name_rows_that_are_not_there_are_refused() -> None:
    recommender, _ = learned(ON, random_batch(17, 100, 5, CATALOGUE))
    for table in ("histories", "targets"):
        arrays = stored(recommender.dump())
        arrays[f"knowledge.sequence.{table}"][5] = 100_000
        with pytest.raises(ValueError, match="rows that do not exist"):
            Recommender(ON).load(arrays)


def test_it_foresees_what_counting_pairs_of_items_cannot() -> None:
    recommender = Recommender(RecommenderOptions(experts=(*EXPERTS, "sequence"), sequence=SequenceOptions(100)))
    outcomes = prequential(recommender, recommender.new_shard(), one_order(12, 300))
    late = outcomes.expert_ranks[-1200:]
    assert (late[:, SEQUENCE] == 1).all()
    assert (late[:, NEXT_EXPERT] == 1).mean() < 0.8


def test_a_recommender_without_it_holds_and_saves_none_of_its_tables() -> None:
    recommender, _ = learned(RecommenderOptions(), random_batch(18, 50, 5, 9))
    assert sum(table.size for table in recommender.knowledge.sequence) == 0
    assert not any("sequence" in name for name in recommender.dump())
    assert recommender.knowledge.counters[EVENTS] == 50


actions = st.lists(
    st.tuples(st.integers(-1, 3), st.integers(-1, 6), st.sampled_from([1.0, 1.0, 0.0, -1.0])), max_size=60
)


@given(before=actions, coming=actions)
@settings(deadline=None, max_examples=60)
def test_a_history_is_foreseen_as_it_is_when_the_event_comes(
    before: list[tuple[int, int, float]], coming: list[tuple[int, int, float]]
) -> None:
    profiles = Profiles.empty(4)
    for user, item, weight in before:
        take(profiles, user, item, weight)
    users, items = (np.array([each[column] for each in coming], np.int32) for column in (0, 1))
    weights, foreseen = np.array([each[2] for each in coming], np.float32), Foreseen.empty(experts_on=True, proposals=0)
    count = foresee_events(profiles, 0, users, items, weights, earlier_of_user(users), 10**6, 1, 1, foreseen)
    assert count == len(coming) <= FORESEEN
    for index, (user, item, weight) in enumerate(coming):
        if user >= 0 and item >= 0 and weight > 0:
            history = [
                item_back(profiles, user, back) for back in range(min(remembered(profiles, user), WINDOW_EVENTS))
            ]
            assert foreseen.histories[index].tolist() == history + [NOBODY] * (WINDOW_EVENTS - len(history))
            assert foreseen.asked[index] == (max(history, default=NOBODY) >= 0)
        else:
            assert not foreseen.asked[index]
        take(profiles, user, item, weight)


def take(profiles: Profiles, user: int, item: int, weight: float) -> None:
    """What an event does to a profile."""
    if user >= 0 and item >= 0 and weight > 0:
        append_event(profiles, user, item, 0, weight)
    elif user >= 0 and item >= 0 and weight < 0:
        reject_item(profiles, user, item)


def test_a_part_ends_where_training_is_due() -> None:
    recommender, shard = learned(ON, random_batch(20, 130, 9, CATALOGUE))
    users, items = shard.users.rows_in_use()[:1].repeat(300), recommender.vocabulary.rows_in_use()[:1].repeat(300)
    weights = np.ones(300, np.float32)
    weights[:10] = 0
    recommender.knowledge.counters[EVENTS] = 130
    assert next(recommender.parts_of_events(shard, users, items, weights, (1, 1))) == (0, 10 + 70)


def test_a_vector_does_not_depend_on_what_is_encoded_with_it() -> None:
    recommender, shard = learned(ON, random_batch(21, 600, 200, CATALOGUE))
    foreseen, users = recommender.scratch.foreseen, shard.users.rows_in_use()
    foresee_users(shard.profiles, users, foreseen)
    model_of(recommender).encode(recommender.knowledge.sequence, foreseen, len(users), always)
    together = foreseen.vectors[: len(users)].copy()
    for place, user in enumerate(users[::7].tolist()):
        foresee_users(shard.profiles, np.array([user], np.int32), foreseen)
        model_of(recommender).encode(recommender.knowledge.sequence, foreseen, 1, always)
        np.testing.assert_array_equal(foreseen.vectors[0], together[7 * place])


def test_what_was_trained_scores_where_the_next_training_begins() -> None:
    recommender, shard = learned(ON, random_batch(22, 250, 9, CATALOGUE))
    sequence, state = recommender.knowledge.sequence, model_of(recommender).state
    was = sequence.items.copy()
    assert not np.array_equal(state.averages[ITEMS], was)
    awaited = state.averages[ITEMS].copy()
    recommender.learn(shard, random_batch(23, 50, 9, CATALOGUE))
    np.testing.assert_array_equal(sequence.items, awaited)


def test_a_training_that_may_not_begin_waits_for_another_interval() -> None:
    class Never(AtOnce):
        def is_free(self) -> bool:
            return False

    recommender = Recommender(ON, Never())
    learned_of = recommender.learn(recommender.new_shard(), random_batch(24, 250, 9, CATALOGUE))
    assert recommender.knowledge.sequence.counters[TRAINED_AT] == 200
    assert learned_of.trainings == Trainings(begun=0, left_out=2)


def test_a_damaged_encoder_is_refused() -> None:
    recommender, _ = learned(ON, random_batch(25, 250, 9, CATALOGUE))
    arrays = stored(recommender.dump())
    arrays["sequence.attention.everything.training.values.query"] = np.zeros((64, 32), np.float32)
    with pytest.raises(
        ValueError, match=r"sequence\.attention\.everything\.training\.values\.query is missing or of another shape"
    ):
        Recommender(ON).load(arrays)


def with_encoder(encoder: str) -> RecommenderOptions:
    """The same with another encoder."""
    return replace(ON, sequence=SequenceOptions(100, encoder, proposals=5))


def test_another_encoder_begins_anew() -> None:
    recommender, shard = learned(ON, random_batch(26, 250, 9, CATALOGUE))
    other, other_shard = restored(with_encoder("gru"), recommender, shard)
    assert other.knowledge.sequence.counters[UPDATES] == 0
    other.learn(other_shard, random_batch(27, 200, 9, CATALOGUE))
    assert other.knowledge.sequence.counters[UPDATES] == 1
    assert scores_of_kernel(other, other_shard, 1)[0].all()


@pytest.mark.parametrize("encoder", ["attention", "sasrec", "gru", "cnn", "pooled"])
def test_with_every_encoder_the_state_is_the_same_however_the_stream_is_cut(encoder: str) -> None:
    batch, options = random_batch(28, 330, 9, CATALOGUE), with_encoder(encoder)
    recommender = Recommender(options)
    shard = recommender.new_shard()
    for start in range(0, 330, 55):
        recommender.learn(shard, batch.slice(start, start + 55))
        if start == 165:
            recommender, shard = restored(options, recommender, shard)
    assert_same_state(state_of(recommender, shard), state_of(*learned(options, batch)))


def test_an_encoder_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no encoder 'lstm'"):
        Recommender(with_encoder("lstm"))
