from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vocabulary import Vocabulary, stable_hash

IDS = st.lists(st.text(max_size=3), max_size=60)


def grown(vocabulary: Vocabulary, ids: list[str]) -> list[int]:
    """Rows of all ids; whenever there is no room, the rows given first go."""
    rows: list[int] = []
    while len(rows) < len(ids):
        given_rows, stop = vocabulary.assign(ids[len(rows) :])
        assert len(given_rows) == stop
        rows += given_rows.tolist()
        if len(rows) < len(ids):
            vocabulary.release(vocabulary.rows_in_use()[: vocabulary.evict_rows].tolist())
    return rows


def test_ids_get_rows_in_the_order_of_their_first_coming() -> None:
    vocabulary = Vocabulary(10, doorkeeper=False)
    rows, stop = vocabulary.assign(["b", "a", "b", "c"])
    assert (rows.tolist(), stop) == ([0, 1, 0, 2], 4)
    assert (vocabulary.row("a"), vocabulary.row("z")) == (1, -1)
    assert vocabulary.ids_of([2, -1, 0]) == ["c", "b"]


def test_a_full_vocabulary_stops_where_a_row_is_due_and_gives_freed_rows_again() -> None:
    vocabulary = Vocabulary(2, doorkeeper=False)
    rows, stop = vocabulary.assign(["a", "b", "a", "c", "d"])
    assert (rows.tolist(), stop) == ([0, 1, 0], 3)
    assert vocabulary.release([0]) == ["a"]
    assert vocabulary.release([0]) == []
    with pytest.raises(KeyError):
        vocabulary.id_of(0)
    assert vocabulary.assign(["c", "b"])[0].tolist() == [0, 1]
    assert vocabulary.row("a") == -1


def test_a_stranger_is_admitted_to_a_full_vocabulary_at_its_second_knock() -> None:
    vocabulary = Vocabulary(2, doorkeeper=True)
    rows, stop = vocabulary.assign(["a", "b", "c", "a", "c", "c"])
    assert (rows.tolist(), stop) == ([0, 1, -1, 0], 4)
    vocabulary.release([1])
    assert vocabulary.assign(["c"])[0].tolist() == [1]
    assert vocabulary.dump()[2] == []


def test_the_doorkeeper_remembers_as_many_strangers_as_there_are_rows() -> None:
    vocabulary = Vocabulary(2, doorkeeper=True)
    assert vocabulary.assign(["a", "b", "s1", "s2", "s3", "s1"])[0].tolist() == [0, 1, -1, -1, -1, -1]
    assert vocabulary.dump()[2] == ["s3", "s1"]


def test_rows_are_made_by_doubling_up_to_the_bound() -> None:
    vocabulary = Vocabulary(3000, doorkeeper=False)
    capacities = []
    for count in (1, 1024, 1025, 2049, 3000):
        assert vocabulary.assign([f"id-{number}" for number in range(count)])[1] == count
        capacities.append(vocabulary.capacity)
    assert capacities == [1024, 1024, 2048, 3000, 3000]
    assert vocabulary.hashes[2999] == stable_hash("id-2999")
    assert Vocabulary(5, doorkeeper=False).capacity == 5


def test_admitting_takes_what_room_there_is_and_finds_all_that_are_known() -> None:
    vocabulary = Vocabulary(3, doorkeeper=True)
    vocabulary.assign(["a", "b"])
    assert vocabulary.admit(["c", "d", "a", "e", "b"]).tolist() == [2, -1, 0, -1, 1]
    assert vocabulary.dump()[2] == []


@given(IDS, st.lists(st.integers(0, 60), max_size=10), st.integers(1, 9), st.booleans())
def test_calls_that_are_cut_anywhere_give_the_same_rows(
    ids: list[str], cuts: list[int], most_rows: int, doorkeeper: bool
) -> None:
    whole, cut = (Vocabulary(most_rows, doorkeeper=doorkeeper) for _ in range(2))
    rows = grown(whole, ids)
    assert rows == [
        row for start, stop in pairwise(sorted([0, *cuts, len(ids)])) for row in grown(cut, ids[start:stop])
    ]
    assert whole.dump() == cut.dump()
    assert len(whole) == len(whole.rows_in_use()) <= whole.rows_used <= most_rows


@given(IDS, IDS, st.integers(1, 9), st.booleans())
def test_what_is_restored_goes_on_the_same(
    before: list[str], after: list[str], most_rows: int, doorkeeper: bool
) -> None:
    one, two = (Vocabulary(most_rows, doorkeeper=doorkeeper) for _ in range(2))
    grown(one, before)
    two.restore(*one.dump())
    assert two.rows_in_use().tolist() == one.rows_in_use().tolist()
    for row in one.rows_in_use():
        assert two.hashes[row] == one.hashes[row] == stable_hash(one.id_of(row))
    assert grown(two, after) == grown(one, after)
    assert two.dump() == one.dump()


@given(IDS, IDS, st.integers(1, 9), st.booleans())
def test_what_is_restored_leaves_nothing_of_what_was_there(
    before: list[str], instead: list[str], most_rows: int, doorkeeper: bool
) -> None:
    one, two = (Vocabulary(most_rows, doorkeeper=doorkeeper) for _ in range(2))
    grown(one, before)
    grown(two, instead)
    two.restore(*one.dump())
    assert np.flatnonzero(two.hashes).tolist() == two.rows_in_use().tolist() == one.rows_in_use().tolist()


def test_who_knocks_is_bounded_as_the_rows_are() -> None:
    vocabulary = Vocabulary(2, doorkeeper=True)
    vocabulary.restore(["a", "b"], [], ["c", "d", "e"])
    assert vocabulary.dump()[2] == ["d", "e"]


@pytest.mark.parametrize(
    ("ids", "free"),
    [(["a", "b", "c", "d"], []), (["a", "a"], []), (["a", ""], [2]), (["a", "", ""], [1, 1]), (["a", ""], [-1])],
)
def test_a_vocabulary_that_contradicts_itself_or_is_too_large_is_refused(ids: list[str], free: list[int]) -> None:
    with pytest.raises(ValueError, match=r"vocabulary|bound"):
        Vocabulary(3, doorkeeper=False).restore(ids, free, [])


def test_hashes_mean_the_same_in_every_process() -> None:
    assert [stable_hash(identifier) for identifier in ("user-12345", "ü")] == [0x9B974E7085796D2, 0x372F39C1F59DF155]
