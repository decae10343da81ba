from collections.abc import Iterator
from threading import Event

import pytest

from producers.choices import EventTimes
from producers.columns import EventColumns
from producers.pacing import Pace
from producers.replay import TICK_SECONDS, replay
from tests.support.events import RecordingSink, ToldClock, columns


def test_unpaced_events_go_out_in_order_and_are_flushed_once() -> None:
    sink = RecordingSink()
    assert replay([columns(["a", "b"], ["1", "2"]), columns(["c"], ["3"])], sink, clock=ToldClock()) == 3
    assert sink.items() == ["1", "2", "3"]
    assert sink.flushes == 1


def test_unpaced_the_last_event_sent_happens_now_and_the_others_before_it() -> None:
    sink = RecordingSink()
    source = [columns(["a", "b"], times_ms=[1000, 2000]), columns(["c", "d"], times_ms=[5000, 9000])]
    replay(source, sink, limit=3, clock=ToldClock(1_000_000.0))
    assert sink.times_ms() == [999_996_000, 999_997_000, 1_000_000_000]


def test_a_rate_is_kept_without_running_ahead() -> None:
    sink, clock = RecordingSink(), ToldClock(1000.0)
    replay([columns(["u"] * 500)], sink, Pace(rate=100), clock=clock)
    assert clock.time - 1000.0 == pytest.approx(5.0, abs=2 * TICK_SECONDS)
    assert len(sink.items()) == 500
    assert sink.times_ms() == sorted(sink.times_ms())


def test_events_of_one_tick_go_out_together() -> None:
    sink, clock = RecordingSink(), ToldClock()
    replay([columns(["u"] * 1000)], sink, Pace(rate=1000), clock=clock, tick_seconds=0.1)
    assert 10 <= len(sink.writes) <= 12


def test_after_a_stall_the_sender_catches_up() -> None:
    clock = ToldClock()

    class StallingSink(RecordingSink):
        def write(self, events: EventColumns) -> None:
            super().write(events)
            if len(self.writes) == 1:
                clock.time += 3.0

    sink = StallingSink()
    begin = clock.time
    replay([columns(["u"] * 400)], sink, Pace(rate=100), clock=clock)
    assert len(sink.writes[1]) >= 300
    assert clock.time - begin == pytest.approx(4.0, abs=2 * TICK_SECONDS)


def test_a_limit_cuts_within_a_batch_and_reads_no_further() -> None:
    def source() -> Iterator[EventColumns]:
        yield columns(["a", "b"])
        yield columns(["c", "d"])
        raise AssertionError("read too far")

    sink, pace = RecordingSink(), Pace(times=EventTimes.ORIGINAL)
    assert replay(source(), sink, pace, limit=3, clock=ToldClock()) == 3
    assert len(sink.items()) == 3
    assert replay(source(), sink, pace, limit=4, clock=ToldClock()) == 4


def test_a_loop_begins_again_until_the_limit() -> None:
    sink, clock = RecordingSink(), ToldClock(1000.0)
    replay([columns(["a", "b"], ["1", "2"], [0, 1000])], sink, Pace(speed=1), limit=5, loop=True, clock=clock)
    assert sink.items() == ["1", "2", "1", "2", "1"]
    assert sink.times_ms() == sorted(sink.times_ms())


def test_a_loop_over_nothing_ends() -> None:
    assert replay([], RecordingSink(), loop=True, clock=ToldClock()) == 0


def test_a_stop_ends_early_and_still_flushes() -> None:
    sink, stop, seen = RecordingSink(), Event(), list[int]()

    def on_progress(events: int) -> None:
        seen.append(events)
        if sum(seen) >= 10:
            stop.set()

    sent = replay([columns(["u"] * 1000)], sink, Pace(rate=100), stop=stop, on_progress=on_progress, clock=ToldClock())
    assert sent == sum(seen) == len(sink.items())
    assert 10 <= sent < 1000
    assert sink.flushes == 1
