"""Published lists as people see them."""

import pytest

from worker.adapters.memory import MemoryLists
from worker.errors import MillraceError
from worker.events import Mover, Reason, RecentEvent, RecommendationList, position_text
from worker.shown_lists import ShownEvent, ShownMover, read_list
from worker.texts.languages import Language

TITLES = {"a": "Apple", "z": "Zebra"}
NOW_MS = 10_000


def title_of(item_id: str) -> str:
    return TITLES.get(item_id, item_id)


@pytest.fixture
def lists() -> MemoryLists:
    """One user's list, and the popular one."""
    sink = MemoryLists()
    explained = Reason("similar", "z", shares={"similar": 1.0}, parts={"mixture": -1.5, "bias": 0.5})
    reasons = [explained, Reason("popular_fast")]
    sink.publish({"ann": RecommendationList(position_text(1, 5), ["a", "b"], [0.75, 0.5], reasons, "m1", 7_500)})
    sink.publish_popular(RecommendationList("", ["z"], [0.1], [Reason("popular_slow")], "m1", 9_000))
    return sink


def test_a_user_sees_titles_reasons_and_the_age_of_the_list(lists: MemoryLists) -> None:
    shown = read_list(lists, "ann", title_of, NOW_MS)
    assert shown.personal
    assert shown.age_seconds == 2.5
    assert [(each.rank, each.item_id, each.title, each.score) for each in shown.items] == [
        (1, "a", "Apple", 0.75),
        (2, "b", "b", 0.5),
    ]
    assert [each.reason for each in shown.items] == ["goes with Zebra", "popular right now"]


def test_explanations_are_shown_where_they_were_published(lists: MemoryLists) -> None:
    shown = read_list(lists, "ann", title_of, NOW_MS)
    assert [each.shares for each in shown.items] == [{"similar": 1.0}, {}]
    assert [each.parts for each in shown.items] == [{"mixture": -1.5, "bias": 0.5}, {}]


def test_a_user_without_a_list_sees_the_popular_one_as_such(lists: MemoryLists) -> None:
    shown = read_list(lists, "bob", title_of, NOW_MS)
    assert (shown.user_id, shown.personal, shown.age_seconds) == ("bob", False, 1.0)
    assert [each.title for each in shown.items] == ["Zebra"]


def test_without_any_list_the_error_says_what_to_do() -> None:
    with pytest.raises(MillraceError, match="no list of bob") as caught:
        read_list(MemoryLists(), "bob", title_of, NOW_MS)
    assert "millrace worker" in caught.value.remedy


def test_a_clock_that_is_behind_gives_no_negative_age(lists: MemoryLists) -> None:
    assert read_list(lists, "ann", title_of, 0).age_seconds == 0.0


def test_what_moved_an_item_and_the_last_events_come_with_titles(lists: MemoryLists) -> None:
    moved = (Mover("z", "purchase", 0.5), Mover("unknown", share=0.25))
    reason = Reason("similar", "z", moved_by=moved, popularity=0.25, trend=2.0, rule="r1")
    recent = (RecentEvent("z", 2_000, "purchase"), RecentEvent("b", 1_000))
    lists.publish({"cy": RecommendationList(position_text(1, 5), ["a"], [0.5], [reason], "m1", 7_500, recent)})
    shown = read_list(lists, "cy", title_of, NOW_MS)
    (item,) = shown.items
    assert item.moved_by == (ShownMover("z", "Zebra", 0.5, "purchase"), ShownMover("unknown", "unknown", 0.25))
    assert (item.popularity, item.trend, item.rule) == (0.25, 2.0, "r1")
    assert item.sentence.startswith("Goes with Zebra; ")
    assert shown.recent == (ShownEvent("z", "Zebra", 2_000, "purchase"), ShownEvent("b", "b", 1_000))


def test_reasons_come_in_the_language_asked_for(lists: MemoryLists) -> None:
    shown = read_list(lists, "ann", title_of, NOW_MS, Language.CHINESE)
    assert [each.reason for each in shown.items] == ["与「Zebra」很搭配", "眼下正热门"]
