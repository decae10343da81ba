import numpy as np

from producers.columns import EventColumns
from tests.support.events import columns


def test_a_part_holds_the_events_between_its_bounds() -> None:
    part = columns(["a", "b", "c", "d"]).part(1, 3)
    assert part.user_ids == ["b", "c"]
    assert part.item_ids == ["i1", "i2"]
    assert part.times_ms.tolist() == [1, 2]
    assert len(part) == 2


def test_kinds_are_renamed_and_those_renamed_to_nothing_are_left_out() -> None:
    events = EventColumns(
        ["a", "b", "c"], ["1", "2", "3"], np.arange(3), ["view", "return", "buy"], np.array([1.0, 2.0, 3.0])
    )
    renamed = events.with_kinds({"view": "view_item", "return": ""})
    assert renamed.kinds == ["view_item", "buy"]
    assert renamed.user_ids == ["a", "c"]
    assert renamed.item_ids == ["1", "3"]
    assert renamed.times_ms.tolist() == [0, 2]
    assert renamed.values.tolist() == [1.0, 3.0]


def test_an_event_without_a_value_has_none_on_the_wire() -> None:
    events = EventColumns(["a", "b"], ["1", "2"], np.arange(2), ["rate", "view_item"], np.array([4.5, np.nan]))
    rated, viewed = events.interactions()
    assert (rated.user_id, rated.item_id, rated.event, rated.ts, rated.value) == ("a", "1", "rate", 0, 4.5)
    assert viewed.value is None
