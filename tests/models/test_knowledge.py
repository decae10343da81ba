import numpy as np
import pytest

from models.experts.popularity import learn_popularity
from models.knowledge import Knowledge, check_rows, forget_items, least_valuable
from models.registry import EXPERTS


def knowledge_of(items: int) -> Knowledge:
    return Knowledge.empty(items, np.ones(len(EXPERTS), np.bool_))


def test_the_least_popular_over_the_long_run_go_first() -> None:
    knowledge = knowledge_of(5)
    for item in (0, 0, 0, 1, 1, 3, 3, 3, 4):
        learn_popularity(knowledge.popularity, item, 1.0)
    assert least_valuable(knowledge, np.array([0, 1, 3, 4], np.int32), 2).tolist() == [4, 1]


def test_nothing_is_left_of_an_item_that_is_forgotten() -> None:
    knowledge = knowledge_of(4)
    for item in range(4):
        learn_popularity(knowledge.popularity, item, 1.0)
    table = knowledge.neighbours
    table.items[1, :2], table.counts[1, :, :2] = [2, 3], 5.0
    table.items[2, 0], table.counts[2, :, 0], table.totals[2], table.mass[2] = 1, 5.0, 5.0, 5.0
    knowledge.popular[:3] = [1, 2, 3]
    knowledge.events[:] = 1
    forget_items(knowledge, np.array([2], np.int32))
    assert table.items[1, :2].tolist() == [-1, 3]
    assert table.counts[1, 0, :2].tolist() == [0, 5]
    assert not (table.items[2] >= 0).any()
    assert not table.counts[2].any()
    assert (table.totals[2].tolist(), table.mass[2]) == ([0, 0, 0, 0], 0)
    assert knowledge.popular[:3].tolist() == [1, -1, 3]
    assert knowledge.events.tolist() == [1, 1, 0, 1]
    assert 2 not in knowledge.popularity.top


def test_totals_stay_right_when_far_larger_counts_are_forgotten() -> None:
    knowledge = knowledge_of(3)
    learn_popularity(knowledge.popularity, 0, 1.0)
    for item, scale in ((1, 1e30), (2, 1e25)):
        knowledge.popularity.scale[:] = scale
        learn_popularity(knowledge.popularity, item, 1.0)
    forget_items(knowledge, np.array([1, 2], np.int32))
    assert knowledge.popularity.totals.tolist() == knowledge.popularity.counts.sum(axis=1).tolist() == [1.0, 1.0, 1.0]


def test_rows_that_are_not_there_are_refused() -> None:
    knowledge = knowledge_of(3)
    check_rows(knowledge)
    knowledge.neighbours.items[0, 0] = 3
    with pytest.raises(ValueError, match="do not exist"):
        check_rows(knowledge)
