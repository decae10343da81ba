import numpy as np
import pytest

from models.details import details
from models.evaluation import Outcomes
from models.registry import EXPERTS


def outcomes_of(events: int) -> Outcomes:
    """Every second event is hit, by the first expert never; histories grow by one an event."""
    outcomes = Outcomes.empty(events, len(EXPERTS))
    outcomes.known[:] = True
    outcomes.ranks[::2] = 2
    outcomes.expert_ranks[::2, 1] = 2
    outcomes.history[:] = np.arange(events)
    return outcomes


def test_groups_are_over_the_scored_events_of_the_whole_stream() -> None:
    scored = np.arange(40) >= 20
    found = details(outcomes_of(40), scored, ["a", "b"] * 20, ["view"] * 30 + ["buy"] * 10)
    assert {name: group["scored"] for name, group in found["by_history"].items() if group["scored"]} == {
        "9-30": 11,
        "31+": 9,
    }
    assert found["by_item_age"]["10-99"]["scored"] == 20
    assert found["by_kind"]["buy"]["hr_at_20"] == 0.5


def test_curves_have_200_points_at_positions_in_the_stream() -> None:
    scored = np.ones(1_000, np.bool_)
    scored[:500] = False
    curve = details(outcomes_of(1_000), scored, ["a"] * 1_000)["curve"]
    assert (len(curve["events"]), curve["events"][0], curve["events"][-1]) == (200, 502, 1_000)
    assert curve["running"]["hr_at_20"][-1] == 0.5
    assert curve["fading"]["mrr_at_20"][-1] == pytest.approx(0.25, abs=0.01)
    assert {len(values) for values in curve["experts"].values()} == {200}


def test_the_blend_is_compared_with_each_expert() -> None:
    comparisons = details(outcomes_of(1_000), np.ones(1_000, np.bool_), ["a"] * 1_000)["comparisons"]
    assert list(comparisons) == list(EXPERTS)
    assert comparisons[EXPERTS[0]]["hr_at_20"] == {"difference": 0.5, "low": 0.5, "high": 0.5}
    assert comparisons[EXPERTS[0]]["mcnemar"]["first_only"] == 500
    assert comparisons[EXPERTS[1]]["mcnemar"]["p_value"] == 1.0


def test_where_nothing_is_scored_nothing_fails() -> None:
    found = details(outcomes_of(10), np.zeros(10, np.bool_), ["a"] * 10, [""] * 10)
    assert "by_kind" not in found
    assert found["curve"]["events"] == []
    assert found["by_history"]["0"]["scored"] == 0
