"""What the catalogue says reaches the models: some items at a time, the newest word of each, within a share of time."""

import json
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from models.descriptions import Description
from models.recommender import Recommender, RecommenderOptions
from models.registry import EXPERTS
from tests.support.records import NOW_MS, line
from tests.support.rig import Rig
from worker.adapters.memory import ManualClock, MemoryTable
from worker.budgets import items_budget_bytes
from worker.describing import ITEMS_AT_ONCE, SHARE, Describing, description_of
from worker.events import Item

ON = RecommenderOptions(experts=(*EXPERTS, "content"))


class Slow(Recommender):
    """Takes two seconds each time; notes what it was told."""

    def __init__(self, options: RecommenderOptions, clock: ManualClock) -> None:
        super().__init__(options)
        self.told: list[list[Description]] = []
        self._clock = clock

    @override
    def describe_items(self, descriptions: Any) -> int:
        self.told.append(list(descriptions))
        self._clock.advance(2.0)
        return len(self.told[-1])


def items(first: int, last: int, **others: Any) -> list[Item]:
    return [Item(f"i{number}", title="a thing", **others) for number in range(first, last)]


def test_items_are_described_some_at_a_time_within_the_share_of_the_loops_time() -> None:
    clock = ManualClock()
    recommender = Slow(ON, clock)
    describing = Describing(recommender, clock)
    describing.add(items(0, ITEMS_AT_ONCE + 5))
    describing.some()
    describing.some()
    assert [len(each) for each in recommender.told] == [ITEMS_AT_ONCE]
    clock.advance(2.0 * (1 - SHARE) / SHARE)
    describing.some()
    assert [len(each) for each in recommender.told] == [ITEMS_AT_ONCE, 5]
    assert len(describing) == 0


def test_of_an_item_that_waits_the_newest_description_counts() -> None:
    clock = ManualClock()
    recommender = Slow(ON, clock)
    describing = Describing(recommender, clock)
    describing.add(items(0, 2))
    described = Item("i1", title="b", author="c", category="d, e", tags=("f",), text="g")
    describing.add([described])
    describing.some()
    assert recommender.told == [[Description("i0", "a thing"), Description("i1", "b", "c", "d, e", ("f",), "g")]]
    assert description_of(described) == recommender.told[0][1]


@pytest.mark.parametrize("experts", [EXPERTS, ON.experts], ids=["off", "on"])
def test_items_that_cannot_be_had_and_all_where_the_expert_is_off_are_passed_over(experts: tuple[str, ...]) -> None:
    describing = Describing(Recommender(RecommenderOptions(experts=experts)), ManualClock())
    describing.add([*items(0, 3), *items(3, 5, available=False)])
    assert len(describing) == (3 if "content" in experts else 0)


def test_that_embeddings_are_of_another_width_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    recommender = Recommender(replace(ON, embedding_width=3))
    describing = Describing(recommender, ManualClock())
    describing.add([*items(0, 2, embedding=(1.0, 2.0)), *items(2, 3, embedding=(1.0, 2.0, 3.0)), *items(3, 4)])
    assert capsys.readouterr().out.count("passed over") == 1
    describing.some()
    rows = [recommender.vocabulary.row(f"i{number}") for number in range(4)]
    given = [bool(recommender.knowledge.content.embeddings[row].any()) for row in rows]
    assert given == [False, False, True, False]


def test_a_worker_lists_an_item_of_the_catalogue_that_nobody_has_had() -> None:
    kinds = ("pirates", "robots")
    listed = {
        f"{kind}{number}": json.dumps({"item_id": f"{kind}{number}", "title": f"the {kind}", "category": kind}).encode()
        for kind in kinds
        for number in range(6)
    }
    with_content = {"experts__content": True, "memory__items_bytes": items_budget_bytes(16, ON.experts)}
    rig = Rig(with_content, catalogue=MemoryTable(listed))
    for number in range(40):
        kind = kinds[number % 2]
        rig.source.append(line(f"{kind} fan", f"{kind}{number % 3}", ts=NOW_MS + number), b"k", 0, NOW_MS)

    def then(number: int) -> None:
        rig.watcher.idle_rounds *= number >= 30
        if number == 20:  # by then the catalogue is described
            for kind in kinds:
                rig.source.append(line(f"{kind} fan", f"{kind}0", ts=NOW_MS + 100), b"k", 0, NOW_MS)

    rig.run(then)
    for kind in kinds:
        unmet = {f"{kind}{number}" for number in range(3, 6)}
        assert unmet <= set(rig.lists.lists[f"{kind} fan"].items)
