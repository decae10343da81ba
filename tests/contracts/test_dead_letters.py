"""Every place for dead letters: what was flushed stands there, in order."""

from tests.support.port_topics import DeadLetterTopic
from worker.events import Reject, Rejection


def rejection(value: bytes | None, key: bytes | None = b"k", reason: Reject = Reject.NOT_JSON) -> Rejection:
    return Rejection(reason, "line 1: what?", 3, 14, key, value)


def test_what_was_sent_and_flushed_stands_there(dead_letter_topic: DeadLetterTopic) -> None:
    letters = dead_letter_topic.letters
    letters.send([rejection(b"{"), rejection(None, reason=Reject.NULL_VALUE)])
    letters.send([])
    letters.flush(20)
    assert dead_letter_topic.arrived() == [("not_json", b"{"), ("null_value", None)]
    assert letters.take_lost() == 0


def test_flushing_nothing_returns(dead_letter_topic: DeadLetterTopic) -> None:
    dead_letter_topic.letters.flush(20)
    assert dead_letter_topic.letters.take_lost() == 0
