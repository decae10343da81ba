"""Altered snapshots: kernels look at no bounds, so whatever is loaded must have been looked at before."""

import multiprocessing

import pytest

from tests.support.forked import FORKS
from tests.support.hostile import REFUSED, USED, VALUES, Arrays, altered, outcome, use, written


def names(which: int) -> list[str]:
    return [name for name, array in written()[which].items() if array.dtype.kind in "iu" and array.size]


def cases(place: int) -> list[tuple[int, bool]]:
    """Values, each in one place of a table or in all of them; the tables take turns with some of them."""
    return [(2**63 - 1, False), (2**62, False), (-(2**31), True), (VALUES[place % len(VALUES)], place % 2 == 0)]


def outcomes(which: int, place: int, name: str) -> dict[tuple[int, bool], int]:
    def change_to(value: int, everywhere: bool) -> int:
        def change(*both: Arrays) -> None:
            both[which][name] = altered(both[which][name], value, everywhere=everywhere)

        return outcome(change)

    return {case: change_to(*case) for case in cases(place)}


def worst(which: int, chosen: list[str]) -> dict[str, dict[tuple[int, bool], int]]:
    """What was neither used nor refused, by table."""
    found = {name: outcomes(which, place, name) for place, name in enumerate(chosen)}
    return {
        name: bad
        for name, each in found.items()
        if (bad := {case: code for case, code in each.items() if code not in (USED, REFUSED)})
    }


def examine(which: int, queue: "multiprocessing.Queue[object]") -> None:
    """In a process without threads, from which others are forked."""
    use(*written())
    queue.put(worst(which, names(which)))


@pytest.mark.parametrize(("which", "what"), [(0, "items"), (1, "users")])
def test_altered_numbers_are_refused_or_do_no_harm(which: int, what: str) -> None:
    assert names(which), what
    queue: multiprocessing.Queue[object] = FORKS.Queue()
    process = FORKS.Process(target=examine, args=(which, queue), daemon=True)
    process.start()
    assert queue.get(timeout=200) == {}
    process.join(20)
