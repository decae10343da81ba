"""The review queue: what waits for a person, and what a decision leads to."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.control import TOPIC as CONTROL
from tests.support.records import NOW_MS, line
from tests.support.rig import Rig
from worker.adapters.memory import MemoryTable
from worker.control_records import Action, ControlRecord, Rule
from worker.review import ReviewQueue, Verdict, faults_of, records_of, rule_of
from worker.review_records import Decision, Oddity, Report, Review, ReviewRecord, Waiting, review_key
from worker.settings import KafkaSettings

LIMIT = 128


def queue_of(*records: ReviewRecord) -> ReviewQueue:
    table = MemoryTable()
    for record in records:
        table.put(review_key(record), msgspec.json.encode(record))
    queue = ReviewQueue(table)
    assert queue.read_all(5)
    return queue


def test_items_with_most_reports_come_first_and_the_same_user_counts_once() -> None:
    queue = queue_of(
        Report("tea", "ann", 10),
        Report("cup", "ann", 20),
        Report("cup", "ben", 30),
        Report("tea", "ann", 40),
    )
    assert queue.waiting() == [Waiting("cup", 2, 20, 30), Waiting("tea", 1, 40, 40)]


def test_what_was_looked_at_waits_again_only_when_it_is_reported_later() -> None:
    reviewed = Review("tea", Decision.DISMISS, "ed", 50)
    assert queue_of(Report("tea", "ann", 50), reviewed).waiting() == []
    assert queue_of(Report("tea", "ann", 50), reviewed, Report("tea", "ben", 51)).waiting() == [
        Waiting("tea", 1, 51, 51)
    ]


def test_what_looked_odd_and_was_looked_at_waits_again_when_it_looks_odder() -> None:
    reviewed = Review("tea", Decision.DISMISS, "ed", 50, share_of_lists=0.5)
    assert queue_of(Oddity("tea", "w-0", 0.5, 0.01, 5), reviewed, Oddity("tea", "w-1", 0.55, 0.01, 99)).waiting() == []
    odder = queue_of(reviewed, Oddity("tea", "w-1", 0.65, 0.01, 99))
    assert [each.share_of_lists for each in odder.waiting()] == [0.65]
    assert (odder.share_of_lists("tea"), odder.share_of_lists("cup")) == (0.65, 0.0)


def test_an_oddity_tells_the_shares_that_lie_furthest_apart() -> None:
    queue = queue_of(Oddity("tea", "w-0", 0.6, 0.01, 5), Oddity("tea", "w-1", 0.5, 0.001, 6), Report("tea", "a", 7))
    assert queue.waiting() == [Waiting("tea", 1, 5, 7, 0.5, 0.001)]


def test_what_is_no_record_is_passed_over() -> None:
    table = MemoryTable({"report:a:tea": msgspec.json.encode(Report("tea", "a", 1)), "x": b"{", "y": b'"'})
    table.put("y", None)
    queue = ReviewQueue(table)
    assert queue.read_all(5)
    assert [each.item_id for each in queue.waiting()] == ["tea"]


@pytest.mark.parametrize(
    ("decision", "action"), [(Decision.BLOCK, Action.BLOCK), (Decision.BURY, Action.BURY), (Decision.DISMISS, None)]
)
def test_a_verdict_becomes_a_note_of_who_a_rule_and_a_review_in_this_order(
    decision: Decision, action: Action | None
) -> None:
    verdict, kafka = Verdict("tea", decision, "ed", "hot", 9.0), KafkaSettings()
    rule = rule_of(verdict, NOW_MS)
    written = list(records_of(verdict, rule, kafka, NOW_MS, 0.25))
    topics = [topic for topic, _, _ in written]
    assert topics == [kafka.audit_topic, *([CONTROL] if action else []), kafka.review_topic]
    review = msgspec.json.decode(written[-1][2], type=ReviewRecord)
    assert isinstance(review, Review)
    assert (review.decision, review.at, review.note, review.share_of_lists) == (decision, NOW_MS, "hot", 0.25)
    if action:
        kept = msgspec.json.decode(written[1][2], type=ControlRecord)
        assert isinstance(kept, Rule)
        assert (kept.id, kept.action, kept.item_id, kept.strength) == (review.rule_id, action, "tea", 9.0)


@given(st.text(max_size=200), st.text(max_size=200), st.floats())
def test_a_verdict_without_faults_makes_a_rule_without_faults(item: str, author: str, strength: float) -> None:
    verdict = Verdict(item, Decision.BURY, author, strength=strength)
    if not list(faults_of(verdict, LIMIT)):
        rule = rule_of(verdict, NOW_MS)
        assert rule is not None
        assert len(rule.id) <= LIMIT
        assert 1 < rule.strength <= 1000


def test_reports_of_users_go_to_the_review_topic_without_their_names_and_once_a_user() -> None:
    rig = Rig({"clean__dedupe_window_events": 0})
    for user, item, kind in (("ann", "tea", "report"), ("ann", "tea", "report"), ("ben", "tea", "report")):
        rig.source.append(line(user, item, kind, ts=NOW_MS), b"k", 0, NOW_MS)
    rig.source.append(line("ann", "cup", "dislike", ts=NOW_MS), b"k", 0, NOW_MS)
    rig.run()
    table = MemoryTable()
    for topic, key, value in rig.notes.records:
        assert topic == "review"
        assert value is not None
        assert b"ann" not in key.encode() + value
        table.put(key, value)
    queue = ReviewQueue(table)
    queue.read_all(5)
    assert queue.waiting() == [Waiting("tea", 2, NOW_MS, NOW_MS)]
