from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.accuracy import rank_metrics
from models.groups import Groups, by_history, by_item_age, by_kind, grouped_metrics


def named(groups: Groups) -> list[str]:
    """The name of each event's group."""
    return [groups.names[place] for place in groups.members]


def test_histories_are_grouped_by_their_length() -> None:
    groups = by_history(np.array([0, 1, 2, 3, 4, 8, 9, 30, 31, 5_000]))
    assert groups.names == ("0", "1", "2-3", "4-8", "9-30", "31+")
    assert named(groups) == ["0", "1", "2-3", "2-3", "4-8", "4-8", "9-30", "9-30", "31+", "31+"]


def test_an_item_is_as_old_as_the_events_since_it_first_came() -> None:
    groups = by_item_age(["a", *"bcdefghij", "a", "c", "a", *(str(n) for n in range(100)), "a"])
    assert groups.names == ("0-9", "10-99", "100-999", "1000-9999", "10000-99999", "100000+")
    assert named(groups)[9:13] == ["0-9", "10-99", "0-9", "10-99"]
    assert named(groups)[-1] == "100-999"


def test_kinds_are_groups_in_alphabetical_order() -> None:
    groups = by_kind(["view", "buy", "view"])
    assert groups.names == ("buy", "view")
    assert named(groups) == ["view", "buy", "view"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1.0, 7.5, 10.0, 15.0, 20.5, np.inf])), min_size=1))
def test_figures_of_a_group_are_those_of_its_events_alone(events: list[tuple[str, float]]) -> None:
    kinds, ranks = [kind for kind, _ in events], np.array([rank for _, rank in events], np.float32)
    for kind, figures in grouped_metrics(ranks, by_kind(kinds)).items():
        own = ranks[[other == kind for other in kinds]]
        assert figures == pytest.approx({"scored": len(own), **rank_metrics(own)})


def test_a_group_without_events_has_no_figures() -> None:
    chosen = by_kind(["buy", "view"]).of(np.array([True, False]))
    figures = grouped_metrics(np.array([1.0], np.float32), chosen)
    assert (figures["buy"]["hr_at_10"], figures["view"]["scored"]) == (1.0, 0)
    assert isnan(figures["view"]["hr_at_10"])
