"""Every list sink: newer lists win, others are refused and counted."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.adapters.memory import MemoryLists
from worker.adapters.redis_lists import RedisLists
from worker.events import Reason, RecommendationList, SimilarItems, position_text
from worker.ports import ListSink

NUMBERS = itertools.count()  # a user of its own for each example


def make_list(epoch: int = 1, offset: int = 10, item: str = "a") -> RecommendationList:
    position = position_text(epoch, offset)
    return RecommendationList(position, [item, "b"], [0.75, 0.5], [Reason("popular"), Reason("next", "z")], "m1", 1_000)


def test_a_published_list_is_read_back_unchanged(list_sink: ListSink) -> None:
    published = {"ann": make_list(item="\u00e9\u4e2d"), "bob {x}": make_list(2, 1)}
    assert list_sink.publish(published) == 0
    assert {user: list_sink.read(user) for user in published} == published


def test_a_user_without_a_list_has_none(list_sink: ListSink) -> None:
    assert list_sink.read("nobody") is None
    assert list_sink.read_popular() is None


@pytest.mark.parametrize(("epoch", "offset"), [(2, 10), (2, 9), (1, 100)])
def test_a_list_that_is_not_newer_is_refused(list_sink: ListSink, epoch: int, offset: int) -> None:
    standing = make_list(2, 10, "standing")
    list_sink.publish({"ann": standing})
    assert list_sink.publish({"ann": make_list(epoch, offset, "late"), "bob": make_list()}) == 1
    assert list_sink.read("ann") == standing
    assert list_sink.read("bob") == make_list()


@pytest.mark.parametrize(("epoch", "offset"), [(2, 11), (3, 0), (10, 5)])
def test_a_newer_list_replaces_an_older_one(list_sink: ListSink, epoch: int, offset: int) -> None:
    list_sink.publish({"ann": make_list(2, 10)})
    newer = make_list(epoch, offset, "newer")
    assert list_sink.publish({"ann": newer}) == 0
    assert list_sink.read("ann") == newer


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10**9)), min_size=1, max_size=8))
def test_after_any_order_of_writes_the_newest_stands(list_sink: ListSink, writes: list[tuple[int, int]]) -> None:
    user = f"u{next(NUMBERS)}"
    refused = sum(list_sink.publish({user: make_list(epoch, offset)}) for epoch, offset in writes)
    standing = list_sink.read(user)
    assert standing is not None
    assert standing.position == position_text(*max(writes))
    assert refused == sum(write <= max(writes[:place], default=(-1, 0)) for place, write in enumerate(writes))


def test_many_lists_are_published_in_one_call(list_sink: ListSink) -> None:
    lists = {f"u{number}": make_list(offset=number) for number in range(450)}
    assert list_sink.publish(lists) == 0
    assert list_sink.publish(lists) == 450
    assert list_sink.read("u449") == lists["u449"]


def test_nothing_to_publish_is_nothing_refused(list_sink: ListSink) -> None:
    assert list_sink.publish({}) == 0


def test_the_popular_list_is_replaced_whatever_its_position(list_sink: ListSink) -> None:
    list_sink.publish_popular(make_list(5, 5, "old"))
    list_sink.publish_popular(make_list(1, 1, "new"))
    assert list_sink.read_popular() == make_list(1, 1, "new")


def test_lists_that_were_removed_are_gone_and_may_be_published_again(list_sink: ListSink) -> None:
    list_sink.publish({"ann": make_list(2, 10), "bob": make_list()})
    list_sink.publish_popular(make_list())
    list_sink.remove(iter(["ann", "nobody"]))
    list_sink.remove_popular()
    list_sink.remove_popular()
    assert (list_sink.read("ann"), list_sink.read_popular()) == (None, None)
    assert list_sink.read("bob") == make_list()
    assert list_sink.publish({"ann": make_list(1, 1)}) == 0


def test_a_list_that_is_newer_than_the_position_is_not_removed(list_sink: ListSink) -> None:
    lists = {"older": make_list(2, 10), "same": make_list(2, 11), "newer": make_list(2, 12), "next": make_list(3, 1)}
    list_sink.publish(lists)
    list_sink.remove([*lists, "nobody"], position_text(2, 11))
    assert {user for user in lists if list_sink.read(user)} == {"newer", "next"}


def test_the_mark_stays_until_all_lists_are_lost(list_sink: ListSink) -> None:
    mark = list_sink.mark()
    list_sink.publish({"ann": make_list()})
    list_sink.remove(["ann"])
    assert list_sink.mark() == mark != ""
    empty(list_sink)
    assert list_sink.mark() != mark


def empty(sink: ListSink) -> None:
    """As when the service starts anew without its data."""
    if isinstance(sink, RedisLists):
        sink._client.flushdb()
    elif isinstance(sink, MemoryLists):
        sink.empty()


def test_a_service_that_answers_passes_the_ping(list_sink: ListSink) -> None:
    list_sink.ping()


def made_similar(item: str = "a") -> SimilarItems:
    return SimilarItems([item, "b"], [0.75, 0.5], "m1", 1_000, 0.01, 1.5, 7, 30, 1)


def test_similar_items_are_read_back_and_the_last_word_on_an_item_stands(list_sink: ListSink) -> None:
    published = {"tea {x}": made_similar("é中"), "cup": made_similar()}
    list_sink.publish_similar(published)
    list_sink.publish_similar({"cup": made_similar("spoon")})
    assert list_sink.read_similar("tea {x}") == published["tea {x}"]
    assert list_sink.read_similar("cup") == made_similar("spoon")
    assert list_sink.read_similar("unheard-of") is None


def test_similar_items_that_were_removed_are_gone_and_no_list_is(list_sink: ListSink) -> None:
    list_sink.publish({"tea": make_list()})
    list_sink.publish_similar({f"i{number}": made_similar() for number in range(450)} | {"tea": made_similar()})
    list_sink.remove_similar(iter(["tea", *(f"i{number}" for number in range(449)), "unheard-of"]))
    assert list_sink.read_similar("tea") is list_sink.read_similar("i448") is None
    assert list_sink.read_similar("i449") == made_similar()
    assert list_sink.read("tea") == make_list()


def test_a_store_that_was_emptied_has_no_similar_items(list_sink: ListSink) -> None:
    list_sink.publish_similar({"tea": made_similar()})
    empty(list_sink)
    assert list_sink.read_similar("tea") is None
    list_sink.publish_similar({})
    list_sink.remove_similar([])
