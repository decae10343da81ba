"""Lists for sessions: the formula, what is left out, what fills up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.api import GENERATED_AT, made_list, made_similar
from worker.events import Reason, SimilarItems
from worker.session_lists import DECAY, LAST_ITEMS, last_items, list_for, list_of_similar, picked, session_list

ITEMS = st.sampled_from("abcdefgh")
SIMILAR = st.lists(ITEMS, max_size=6, unique=True).map(lambda items: made_similar(*items))


def anything(_: str) -> bool:
    return True


def by_definition(history: list[str], known: dict[str, SimilarItems]) -> dict[str, float]:
    """Scores of all items that are not in the history."""
    newest_first = sorted(set(history), key=history[::-1].index)[:LAST_ITEMS]
    return {
        item: total
        for item in "abcdefgh"
        if item not in history
        and (
            total := sum(
                DECAY**back * dict(zip(known[last].items, known[last].scores, strict=True)).get(item, 0.0)
                for back, last in enumerate(newest_first)
                if last in known
            )
        )
    }


@given(history=st.lists(ITEMS, min_size=1, max_size=30), known=st.dictionaries(ITEMS, SIMILAR, max_size=8))
def test_a_session_s_list_is_the_decayed_sum_of_what_goes_with_its_last_items(
    history: list[str], known: dict[str, SimilarItems]
) -> None:
    expected = by_definition(history, known)
    found = session_list(history, known, anything, 8)
    if not expected:
        assert found is None
        return
    assert found is not None
    assert set(found.items) == set(expected)
    assert found.scores == pytest.approx([expected[item] for item in found.items], abs=1e-6)
    assert found.scores == sorted(found.scores, reverse=True)
    assert all(reason.because in history for reason in found.reasons)


def test_the_reason_names_the_item_that_added_most_and_how_it_goes_with_it() -> None:
    known = {"old": made_similar("x", "y"), "new": made_similar("z", "y", "x")}
    found = session_list(["old", "new"], known, anything, 3)
    assert found is not None
    assert dict(zip(found.items, found.reasons, strict=True)) == {
        "x": Reason("similar", "old"),
        "z": Reason("similar", "new"),
        "y": Reason("similar", "new"),
    }
    alone = session_list(["old"], known, anything, 3)
    assert alone is not None
    assert alone.reasons[-1] == Reason("content", "old"), "the last of them is only described like it"


def test_only_the_last_items_count_each_once() -> None:
    history = [f"i{number}" for number in range(30)] + ["i5"]
    assert last_items(history)[:2] == ["i5", "i29"]
    assert len(last_items(history)) == len(set(last_items(history))) == LAST_ITEMS


def test_popular_items_stand_behind_with_scores_that_are_no_higher() -> None:
    known = {"tea": made_similar("cup", "spoon", together=2)}
    found, source = list_for(["tea"], known, made_list("tea", "cup", "pot", "jar"), anything, 4)
    assert (source, found.items) == ("session", ["cup", "spoon", "pot", "jar"])
    assert found.scores == [1.0, 0.5, 1 / 3, 1 / 4]
    assert [reason.expert for reason in found.reasons] == ["similar", "similar", "popular_fast", "popular_fast"]
    few = {"tea": made_similar("cup", together=1, popularity=0.5)}
    found, _ = list_for(["tea"], few, made_list("pot"), lambda item: item != "cup", 4)
    assert found.items == ["pot"]


def test_of_whom_nothing_is_known_the_popular_list_less_the_history_is_shown_and_never_an_empty_one() -> None:
    popular = made_list("tea", "cup")
    assert list_for(["tea", "x"], {}, popular, anything, 5) == (
        picked(popular, lambda item: item == "cup", 5),
        "popular",
    )
    assert list_for(["tea", "cup"], {}, popular, anything, 5) == (popular, "popular")
    assert list_for([], {}, popular, anything, 1)[0].items == ["tea"]


def test_what_does_not_fit_makes_room() -> None:
    known = {"tea": made_similar("cup", "spoon", "pot")}
    found, _ = list_for(["tea"], known, made_list("jar", "lid"), lambda item: item not in ("cup", "jar"), 3)
    assert found.items == ["spoon", "pot", "lid"]


def test_what_goes_with_an_item_is_a_list_with_reasons() -> None:
    found = list_of_similar("tea", made_similar("cup", "pot"))
    assert (found.items, found.generated_at) == (["cup", "pot"], GENERATED_AT)
    assert found.reasons == [Reason("similar", "tea"), Reason("content", "tea")]
