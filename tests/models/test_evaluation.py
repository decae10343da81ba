from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.evaluation import Outcomes, exposure, prequential, scored_events, summarize
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.registry import ALL_EXPERTS, EXPERTS
from models.sequence_options import SequenceOptions
from tests.support.learning import Event, assert_same_state, batch_of, learned, new_recommender, random_batch, state_of
from tests.support.plain_model import PLAIN_EXPERTS, PlainModel

PLAIN = RecommenderOptions(experts=PLAIN_EXPERTS)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("stuvwxyz"),
        st.sampled_from([0, 1000, 4_000_000]),
        st.just(1.0),
    ),
    max_size=60,
)


def evaluated(batch: Interactions, options: RecommenderOptions) -> tuple[Outcomes, Recommender]:
    """What a new recommender knew of each event."""
    recommender = Recommender(options)
    return prequential(recommender, recommender.new_shard(), batch), recommender


def outcomes_of(ranks: Sequence[float]) -> Outcomes:
    """Events that were all known and not had, with these ranks."""
    outcomes = Outcomes.empty(len(ranks), len(EXPERTS))
    outcomes.ranks[:] = ranks
    outcomes.known[:] = True
    return outcomes


def assert_ranks_are_plain(batch: Interactions, outcomes: Outcomes) -> int:
    """Each rank lies within what the plain model allows; returns how many it allows only one value for."""
    plain, exact = PlainModel(), 0
    came: set[str] = set()
    for index, (user, item) in enumerate(zip(batch.users, batch.items, strict=True)):
        history = [taken for taken, _ in plain.histories[user]]
        assert outcomes.known[index] == (item in came)
        assert outcomes.had[index] == (item in history)
        assert outcomes.history[index] == len(history)
        bounds = plain.rank(user, item)
        if item in came:
            ranks = outcomes.expert_ranks[index, [EXPERTS.index(name) for name in PLAIN_EXPERTS]]
            found = [outcomes.mixture_ranks[index], *ranks]
            for name, rank, (least, most) in zip(("mixture", *PLAIN_EXPERTS), found, bounds, strict=True):
                assert least <= rank <= most, (index, name)
            exact += bounds[0][0] == bounds[0][1] < np.inf
        plain.learn(user, item, int(batch.times_ms[index]))
        came.add(item)
    return exact


@settings(max_examples=60)
@given(EVENTS)
def test_ranks_are_those_of_the_plain_model(events: list[Event]) -> None:
    batch = batch_of(events)
    assert_ranks_are_plain(batch, evaluated(batch, PLAIN)[0])


def test_ranks_are_those_of_the_plain_model_on_a_longer_stream() -> None:
    batch = random_batch(1, 700, 12, 14)
    assert assert_ranks_are_plain(batch, evaluated(batch, PLAIN)[0]) > 600


def test_ranks_are_those_of_the_plain_model_where_nobody_repeats() -> None:
    random = np.random.default_rng(2)
    taken = [(user, item) for user in range(60) for item in random.permutation(14)[:7]]
    order = random.permutation(len(taken))
    users, items = zip(*((f"u{taken[place][0]}", f"i{taken[place][1]}") for place in order), strict=True)
    batch = Interactions.of(users, items, 1000 * np.arange(len(order)))
    outcomes, recommender = evaluated(batch, PLAIN)
    assert recommender.excludes_seen
    assert assert_ranks_are_plain(batch, outcomes) > 300


@pytest.mark.parametrize("repeats", list(Repeats))
@pytest.mark.parametrize("ranker_share", [1.0, 1 / 7])
@pytest.mark.parametrize("experts", [EXPERTS, ALL_EXPERTS], ids=["default", "all"])
def test_evaluating_and_learning_leave_the_same_state(
    repeats: Repeats, ranker_share: float, experts: tuple[str, ...]
) -> None:
    options = RecommenderOptions(
        repeats=repeats,
        ranker_share=ranker_share,
        ranker_warmup_events=50,
        experts=experts,
        sequence=SequenceOptions(150),
    )
    batch = random_batch(3, 800, 40, 60)
    batch.weights[::9] = 0
    evaluating, learning = new_recommender(options), learned(options, batch)
    shard = evaluating.new_shard()
    prequential(evaluating, shard, batch)
    assert_same_state(state_of(evaluating, shard), state_of(*learning))


def test_what_does_not_fit_is_refused() -> None:
    for options in (RecommenderOptions(max_items=20), RecommenderOptions(max_users=20)):
        with pytest.raises(ValueError, match="max_users and max_items"):
            evaluated(random_batch(4, 400, 40, 60), options)


def test_progress_is_told_up_to_the_end() -> None:
    done: list[int] = []
    recommender = Recommender()
    prequential(recommender, recommender.new_shard(), random_batch(5, 45_000, 40, 60), done.append)
    assert done == [20_000, 40_000, 45_000]


def test_events_that_teach_nothing_are_not_scored() -> None:
    batch = Interactions.of(["a"] * 4, ["x", "y", "x", "y"], [0, 1, 2, 3])
    batch.weights[3] = 0
    outcomes, _ = evaluated(batch, RecommenderOptions())
    assert scored_events(outcomes, seen_excluded=False).tolist() == [False, False, True, False]


def test_scored_are_known_items_of_known_users_or_where_seen_items_are_excluded_items_the_user_had_not() -> None:
    users, items = ["a", "b", "a", "a", "b"], ["x", "x", "y", "x", "y"]
    outcomes, _ = evaluated(Interactions.of(users, items, range(5)), RecommenderOptions())
    assert scored_events(outcomes, seen_excluded=False).tolist() == [False, False, False, True, True]
    assert scored_events(outcomes, seen_excluded=True).tolist() == [False, True, False, False, True]


def test_figures_are_over_scored_events_and_again_over_the_second_half_of_the_stream() -> None:
    outcomes = outcomes_of([1, 1, 50, 50, 1])
    outcomes.expert_ranks[:, 2] = [50, 50, 1, 1, 1]
    scored = np.array([True, False, True, True, True])
    figures = summarize(outcomes, scored)
    assert (figures["events"], figures["scored"], figures["hr_at_10"]) == (5, 4, 0.5)
    assert figures["second_half"]["hr_at_10"] == pytest.approx(1 / 3)
    assert list(figures["experts"]) == list(EXPERTS)
    assert figures["experts"][EXPERTS[2]]["hr_at_20"] == 0.75
    assert figures["experts"][EXPERTS[0]]["mrr_at_20"] == 0.0


def test_ties_count_half() -> None:
    options = RecommenderOptions(experts=("repeat_count",), repeats=Repeats.ALLOW)
    outcomes, _ = evaluated(Interactions.of(["a"] * 5 + ["b"], [*"xyzy", "z", "z"], range(6)), options)
    assert outcomes.mixture_ranks.tolist() == [np.inf, np.inf, np.inf, 2.0, 2.5, np.inf]
    assert outcomes.expert_ranks[:, EXPERTS.index("repeat_count")].tolist() == outcomes.mixture_ranks.tolist()


def test_lists_are_those_that_the_user_would_have_got_and_hold_the_item_at_its_rank() -> None:
    batch = random_batch(6, 900, 40, 60)
    outcomes, recommender = evaluated(batch, RecommenderOptions())
    rows = [recommender.vocabulary.row(item) for item in batch.items]
    hits = np.flatnonzero((outcomes.ranks <= 20) & (outcomes.ranks == np.floor(outcomes.ranks)))
    assert len(hits) > 200
    assert all(outcomes.lists[index, int(outcomes.ranks[index]) - 1] == rows[index] for index in hits)
    before, shard = learned(RecommenderOptions(), batch.slice(0, 899))
    user = np.array([shard.users.row(batch.users[899])], np.int32)
    assert outcomes.lists[899].tolist() == before.recommend(shard, user, 20).items[0].tolist()


def test_exposure_counts_the_places_in_lists_of_scored_events_alone() -> None:
    outcomes = outcomes_of([1, 1, 1])
    outcomes.lists[0, :12], outcomes.lists[1, :1], outcomes.lists[2, 0] = np.arange(12), 0, 13
    figures = exposure(outcomes, np.array([True, True, False]), np.ones(20, np.int64))
    assert (figures["coverage_at_10"], figures["coverage_at_20"]) == (0.5, 0.6)
