"""What becomes of lists in a store that lost them, and of the lists of users who were forgotten."""

import pytest

from tests.support.rig import Rig
from tests.support.stream import feed, shop
from worker.adapters.memory import MemoryLists
from worker.departed import Departed
from worker.errors import ServiceUnavailable
from worker.events import RecommendationList, position_text


def test_a_store_that_was_emptied_is_filled_again() -> None:
    rig = Rig({"lists__popular_interval_seconds": 0.2})
    shop(rig.source, 30)

    def at_round(number: int) -> None:
        if number == 9:
            assert len(rig.lists.lists) == 7
            rig.lists.empty()

    rig.run(at_round)
    assert len(rig.lists.lists) == 7
    assert rig.lists.popular is not None


def test_a_store_that_was_emptied_while_nobody_worked_is_filled_after_the_restart() -> None:
    rig = Rig({"lists__popular_interval_seconds": 0.2})
    shop(rig.source, 30)
    rig.run()
    rig.lists.empty()
    after = rig.again()
    feed(rig.source, "new:tea")
    after.run()
    assert len(rig.lists.lists) == 8


def make_list(offset: int) -> RecommendationList:
    return RecommendationList(position_text(1, offset), ["a"], [1.0], [], "m", 0)


def test_whoever_came_back_keeps_the_new_list() -> None:
    lists, departed = MemoryLists(), Departed()
    lists.publish({"gone": make_list(5), "back": make_list(9)})
    departed.add(position_text(1, 6), ["gone", "back"])
    departed.remove_some(lists)
    assert lists.lists.keys() == {"back"}
    assert len(departed) == 0


def test_while_the_store_is_away_the_departed_wait_up_to_a_bound() -> None:
    lists, departed = MemoryLists(), Departed(most_users=600)
    lists.available = False
    departed.add(position_text(1, 6), [f"u{number}" for number in range(1000)])
    with pytest.raises(ServiceUnavailable):
        departed.remove_some(lists)
    assert (len(departed), departed.take_left(), departed.take_left()) == (500, 500, 0)
