"""People decide, through a whole worker on adapters in memory: rules, and users who are forgotten."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.control import ControlTopic, forget, rule
from tests.support.records import NOW_MS, line
from tests.support.rig import Rig
from tests.worker.test_list_rules_live import ITEMS, catalogue, fed, last, shown
from worker.adapters.memory import MemoryTable
from worker.adapters.memory_source import MemoryEventSource
from worker.control_records import Action
from worker.events import Reject, Rejection
from worker.manifest import read_manifests


class Shop:
    """A worker with 200 events of nine users, and a control topic."""

    def __init__(self, **overrides: Any) -> None:
        self.control = ControlTopic()
        every = {"lists__popular_interval_seconds": 0.1, "snapshots__interval_seconds": 0.5}
        self.rig = Rig(every | overrides, catalogue=catalogue(), control=self.control.open(), notes=self.control)
        fed(self.rig.source, 200)

    def run(self, **steps: Callable[[], object] | Sequence[Callable[[], object]]) -> Rig:
        """At least 60 rounds; `at_20` is called in the twentieth, be it one or several."""

        def at_round(number: int) -> None:
            found = steps.get(f"at_{number}", ())
            for step in (found,) if callable(found) else found:
                step()

        return last(self.rig, at_round)

    def restart(self, **overrides: Any) -> "Shop":
        """The next process, which reads the control topic whole."""
        self.rig = self.rig.again(**overrides)
        self.rig.control = self.control.open()
        self.rig.notes = self.control
        self.rig.__post_init__()
        return self

    def list_of(self, user: str) -> list[str]:
        return self.rig.lists.lists[user].items


def test_a_block_rewrites_the_lists_that_break_it_and_its_end_lets_the_item_in_again() -> None:
    shop = Shop()
    blocked = rule(Action.BLOCK, item_id="i7")
    seen: list[bool] = []
    shop.run(
        at_20=(lambda: seen.append("i7" in shown(shop.rig)), lambda: shop.control.put(blocked)),
        at_35=(lambda: seen.append("i7" in shown(shop.rig)), lambda: shop.control.take_back(blocked)),
        at_36=lambda: shop.rig.source.append(line("u1", "i2", ts=NOW_MS + 500), b"k", 0, NOW_MS),
    )
    assert seen == [True, False]
    assert "i7" in shown(shop.rig)


def test_a_block_of_a_category_follows_the_catalogue() -> None:
    shop = Shop()
    shop.run(
        at_20=lambda: shop.control.put(rule(Action.BLOCK, category="tools")),
        at_30=lambda: shop.rig.catalogue.put("i7", b'{"item_id":"i7","category":"tools"}'),
    )
    assert "i7" not in shown(shop.rig)
    assert len(shown(shop.rig)) > 10


def test_a_rule_ends_by_itself() -> None:
    shop = Shop()
    expires_at = shop.rig.clock.now_ms() + 1800  # of 60 rounds of 50 ms
    seen: list[bool] = []
    shop.run(
        at_15=lambda: shop.control.put(rule(Action.BLOCK, item_id="i7", expires_at=expires_at)),
        at_30=lambda: seen.append("i7" in shown(shop.rig)),
        at_50=lambda: shop.rig.source.append(line("u1", "i2", ts=NOW_MS + 500), b"k", 0, NOW_MS),
    )
    assert seen == [False]
    assert "i7" in shown(shop.rig)


def test_a_rule_for_one_user_changes_that_list_at_once_and_no_other() -> None:
    shop = Shop()
    before: dict[str, list[str]] = {}
    pinned = rule(Action.PIN, item_id="i29", place=2, user_id="u3")
    shop.run(
        at_25=(
            lambda: before.update({user: shop.list_of(user) for user in shop.rig.lists.lists}),
            lambda: shop.control.put(pinned),
        )
    )
    assert shop.list_of("u3")[1] == "i29"
    assert all(shop.list_of(user) == items for user, items in before.items() if user != "u3")
    reason = shop.rig.lists.lists["u3"].reasons[1]
    assert (reason.expert, reason.rule) == ("pinned", "r1")


def test_lists_name_the_rule_that_lifted_an_item_and_the_popular_list_too() -> None:
    shop = Shop()
    shop.control.put(rule(Action.BOOST, "up", item_id="i4", strength=1000.0))
    shop.run()
    assert shop.rig.lists.popular is not None
    for content in (*shop.rig.lists.lists.values(), shop.rig.lists.popular):
        rules = {item: reason.rule for item, reason in zip(content.items, content.reasons, strict=True)}
        assert rules.pop("i4") == "up"
        assert not any(rules.values())
    assert shop.rig.lists.popular.items[0] == "i4"


def test_rules_survive_a_restart_before_any_list_is_made() -> None:
    shop = Shop()
    shop.run(at_20=lambda: shop.control.put(rule(Action.BLOCK, item_id="i7")))
    shop.restart()
    shop.rig.source.append(line("u1", "i2", ts=NOW_MS + 500), b"k", 0, NOW_MS)
    shop.run()
    assert "i7" not in shown(shop.rig)


def test_nothing_is_learned_and_no_list_is_made_before_the_control_topic_is_read() -> None:
    class Slow(MemoryTable):
        is_read = False

        def caught_up(self) -> bool:
            return self.is_read

    slow = Slow()
    rig = Rig(control=slow)
    fed(rig.source, 50)
    told: list[str | None] = []

    def at_round(number: int) -> None:
        told.append(rig.worker.why_not_ready())
        if number == 30:
            assert rig.watcher.events == 0
            assert rig.lists.lists == {}
            slow.is_read = True

    last(rig, at_round)
    assert told[10] in ("waiting for partitions", "the control topic, which holds rules, is not read yet")
    assert told[-1] is None
    assert len(rig.lists.lists) == 9


def test_lists_longer_than_what_is_noted_of_them_are_rewritten_too() -> None:
    shop = Shop(lists__size=30)
    for number in range(300):
        shop.rig.source.append(line(f"u{number % 9}", ITEMS[number * 11 % 30], ts=NOW_MS + number), b"k", 0, NOW_MS)
    tails: list[str] = []

    def block_a_tail() -> None:
        longest = max(shop.rig.lists.lists.values(), key=lambda each: len(each.items))
        tails.extend(longest.items[20:21])
        shop.control.put(rule(Action.BLOCK, item_id=tails[0]))

    shop.run(at_30=block_a_tail)
    assert tails[0] not in shown(shop.rig)


def test_what_is_no_record_becomes_a_dead_letter() -> None:
    shop = Shop()
    shop.rig.control.put("rule:x", b"nonsense")
    rejections: list[Rejection] = shop.run().dead_letters.rejections
    assert [(each.reason, each.key) for each in rejections] == [(Reject.INVALID, b"rule:x")]


# -- forgetting -----------------------------------------------------------------------------------------------


def users_in_snapshots(rig: Rig) -> set[bytes]:
    """Which of the users u0 to u8 any blob names; ids are kept as text, one after the other."""
    content = b"".join(rig.snapshots.read_blob(name) for name in rig.snapshots.blobs())
    return {user for user in (b"u%d" % number for number in range(9)) if user in content}


def test_a_forgotten_user_leaves_state_lists_and_all_snapshots_and_there_is_a_receipt() -> None:
    shop = Shop()
    seen: list[bool] = []
    shop.run(
        at_20=lambda: shop.control.put(forget("u3", NOW_MS + 1000)),
        at_26=lambda: seen.append("u3" in shop.rig.lists.lists),
        at_40=lambda: seen.append(b"u3" in users_in_snapshots(shop.rig)),
    )
    assert seen == [False, False]
    assert shop.rig.recommender._shards[0].users.row("u3") == -1
    assert users_in_snapshots(shop.rig) == {b"u%d" % number for number in range(9)} - {b"u3"}
    (receipt,) = shop.control.receipts()
    assert (receipt.user_id, receipt.worker, receipt.requested_at) == ("u3", "w-0", NOW_MS + 1000)
    assert (receipt.partitions, receipt.of_partitions) == ((0,), 1)


def test_who_was_never_known_gets_a_receipt_too() -> None:
    shop = Shop()
    shop.run(at_20=lambda: shop.control.put(forget("nobody", NOW_MS)))
    assert [each.user_id for each in shop.control.receipts()] == ["nobody"]


def test_a_user_who_comes_back_is_learned_anew_and_not_forgotten_again_by_a_restart() -> None:
    shop = Shop()
    later = NOW_MS + 1000
    shop.run(
        at_20=lambda: shop.control.put(forget("u3", later)),
        at_40=lambda: shop.rig.source.append(line("u3", "i2", ts=NOW_MS + 300), b"k", 0, later + 1),
    )
    shop.restart().run()
    shard = shop.rig.recommender._shards[0]
    assert shard.profiles.events[shard.users.row("u3")] == 1
    assert shop.list_of("u3")


def test_a_restart_before_the_receipt_forgets_all_the_same() -> None:
    shop = Shop(snapshots__interval_seconds=10**6)
    shop.run(at_20=lambda: shop.rig.worker.stop())
    assert b"u3" in users_in_snapshots(shop.rig)
    shop.control.put(forget("u3", NOW_MS + 1000))
    shop.restart(snapshots__interval_seconds=0.5).run()
    assert b"u3" not in users_in_snapshots(shop.rig)
    assert "u3" not in shop.rig.lists.lists
    assert [each.user_id for each in shop.control.receipts()] == ["u3"]


def test_events_from_before_the_request_that_are_read_later_teach_nothing_and_are_counted() -> None:
    shop = Shop()
    shop.control.put(forget("u3", NOW_MS + 1000))
    shop.run()
    assert shop.rig.recommender._shards[0].users.row("u3") == -1
    assert shop.rig.watcher.rejected[Reject.FORGOTTEN] == len(range(3, 200, 9))
    assert not any(each.reason is Reject.FORGOTTEN for each in shop.rig.dead_letters.rejections)


def test_only_the_last_manifest_stays_while_a_user_waits_and_several_again_later() -> None:
    shop = Shop(snapshots__keep=3)
    kept: list[int] = []

    def count() -> None:
        kept.append(len(read_manifests(shop.rig.snapshots)))

    shop.run(at_40=count, at_41=lambda: shop.control.put(forget("u3", NOW_MS + 1000)), at_59=count)
    assert kept[0] == 3
    assert kept[1] < 3
    shop.restart().run(at_59=count)
    assert kept[2] == 3


@pytest.mark.parametrize("partitions", [1, 3])
def test_all_partitions_are_told_of_whichever_the_user_was_in(partitions: int) -> None:
    control = ControlTopic()
    source = MemoryEventSource(partitions)
    rig = Rig({"snapshots__interval_seconds": 0.5}, source=source, control=control.open(), notes=control)
    source.append(line("u3", "i2"), b"k", partitions - 1, NOW_MS)
    last(rig, lambda number: control.put(forget("u3", NOW_MS + 1)) if number == 20 else None)
    assert control.receipts()[-1].partitions == tuple(range(partitions))
    assert control.receipts()[-1].of_partitions == partitions


def test_receipts_come_while_events_keep_coming() -> None:
    shop = Shop()
    moments = iter(range(10**6))

    def another(_: int) -> None:
        moment = next(moments)
        shop.rig.source.append(
            line(f"u{moment % 3}", ITEMS[moment % 30], ts=NOW_MS + 300), b"k", 0, NOW_MS + 2000 + moment
        )

    def at_round(number: int) -> None:
        if number < 60:
            another(number)
        if number == 20:
            shop.control.put(forget("u7", NOW_MS + 1000))

    last(shop.rig, at_round)
    assert [each.user_id for each in shop.control.receipts()] == ["u7"]
    assert b"u7" not in users_in_snapshots(shop.rig)
    assert len(read_manifests(shop.rig.snapshots)) > 1, "then several snapshots are kept again"


def test_while_redis_is_away_the_list_waits_and_there_is_no_receipt_not_even_after_a_restart() -> None:
    shop = Shop()

    def switch(*, on: bool) -> None:
        shop.rig.lists.available = on

    shop.run(at_20=lambda: switch(on=False), at_22=lambda: shop.control.put(forget("u3", NOW_MS + 1000)))
    assert shop.rig.recommender._shards[0].users.row("u3") == -1
    assert shop.control.receipts() == []
    shop.restart().run(at_20=lambda: switch(on=True))
    assert "u3" not in shop.rig.lists.lists
    assert [each.user_id for each in shop.control.receipts()] == ["u3"]


def test_a_request_that_is_taken_back_before_its_receipt_leaves_nothing_due() -> None:
    shop = Shop(snapshots__interval_seconds=1.0)
    shop.run(
        at_40=lambda: shop.control.put(forget("u3", NOW_MS + 1000)),
        at_42=lambda: shop.control.take_back(forget("u3", NOW_MS + 1000)),
    )
    assert shop.control.receipts() == []
    (partition,) = (each for each in shop.rig.worker._owned.values())
    assert partition.erased.due() == {}


def test_a_request_is_fulfilled_before_events_that_wait_are_learned_after_a_restart() -> None:
    shop = Shop(snapshots__interval_seconds=10**6)
    shop.run()
    later = NOW_MS + 1000
    shop.control.put(forget("u3", later))
    shop.rig.source.append(line("u3", "i2", ts=NOW_MS + 300), b"k", 0, later + 1)

    class Slow(MemoryTable):
        """Is read whole after some rounds only."""

        rounds = 0

        def poll(self) -> Sequence[tuple[str, bytes | None]]:
            self.rounds += 1
            return super().poll() if self.rounds > 3 else []

    shop.restart()
    slow = Slow(dict(shop.rig.control.poll()))
    shop.rig.control = slow
    shop.rig.__post_init__()
    shop.run()
    shard = shop.rig.recommender._shards[0]
    assert shard.profiles.events[shard.users.row("u3")] == 1, "who came back is there"


def test_broken_lists_are_made_anew_before_all_others_that_wait() -> None:
    shop = Shop(refresh__chunk_users=1, refresh__coalesce_seconds=60.0)
    shown_at: dict[int, bool] = {}

    def block() -> None:
        for number in range(9):  # everyone waits, as nobody may be refreshed again for a minute
            shop.rig.source.append(line(f"u{number}", "i2", ts=NOW_MS + 300), b"k", 0, NOW_MS)
        shop.control.put(rule(Action.BLOCK, item_id="i7"))

    def note() -> None:
        shown_at[0] = "i7" in {item for each in shop.rig.lists.lists.values() for item in each.items}

    shop.run(at_20=block, at_35=note)
    assert shown_at == {0: False}


def test_when_everything_is_blocked_the_popular_list_is_empty_too() -> None:
    shop = Shop()
    shop.run(at_20=lambda: shop.control.put(rule(Action.BLOCK, category="toys")))
    assert shop.rig.lists.popular is not None
    assert shop.rig.lists.popular.items == []
