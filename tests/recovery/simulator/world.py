"""One simulated run: events come in, workers come and go, everything fails, then nothing fails any more."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.recovery.simulator.faults import FAULTS
from tests.recovery.simulator.fleet import Fleet
from tests.recovery.simulator.oracle import Violation
from tests.recovery.simulator.process import Outside
from tests.recovery.simulator.scheduler import Scheduler
from tests.recovery.simulator.trouble import Trouble
from tests.support.records import NOW_MS, line
from worker.adapters.memory import ManualClock

USERS, ITEMS = 7, 9
FEWEST_EVENTS, MOST_EVENTS, MOST_FAULTS = 15, 60, 8
EVENT_SHARE, FAULT_SHARE, LATE_SHARE = 0.15, 0.02, 0.05  # of the turns
BROKEN_SHARE, DUPLICATE_SHARE = 0.05, 0.1  # of the records
MOST_SECONDS = 120.0  # of simulated time, until all is calm again


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        faults: how many were injected, by name.
        violation: the promise that was broken; None = none was.
    """

    seed: int
    steps: int
    events: int
    faults: Counter[str]
    violation: str | None


class World:
    """Everything that happens under one seed."""

    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.scheduler = Scheduler(Random(seed), ManualClock(NOW_MS), traced=traced)
        self._seed = seed
        self._random = self.scheduler.random
        self._outside = Outside(self.scheduler, self._random.choice([1, 2, 3]))
        self._fleet = Fleet(self._outside, self._random.choice([1, 2, 2, 3]))
        self._faults: Counter[str] = Counter()
        self._faults_left = self._random.randint(0, MOST_FAULTS)
        self._events_left = self._random.randint(FEWEST_EVENTS, MOST_EVENTS)
        self._events = 0
        self._times_ms: set[int] = set()

    def run(self) -> Outcome:
        """To the end."""
        violation = None
        try:
            self._live()
            self._heal()
            while not self._come_to_rest():
                pass
            self._outside.oracle.check()
        except Violation as error:
            violation = str(error)
        finally:
            self.scheduler.end()
        return Outcome(self._seed, self.scheduler.steps, self._events, self._faults, violation)

    def _live(self) -> None:
        self._run(lambda: not self._events_left and not self._faults_left, self._trouble)

    def _heal(self) -> None:
        self._outside.group.available = True
        self._outside.lists.trouble = self._outside.snapshots.trouble = Trouble.NONE

    def _come_to_rest(self) -> bool:
        """All is learned and listed, and all end in order; False = one could not leave a last snapshot."""
        self._fleet.is_closing = False
        self._run(self._is_calm)
        self._fleet.stop()
        self._run(self._fleet.has_ended)
        return self._fleet.has_ended_in_order()

    def _is_calm(self) -> bool:
        living, group = self._fleet.living(), self._outside.group
        if not sorted(each.instance for each in living) == sorted(self._fleet.wanted) == sorted(group.members):
            return False
        ends = {number: len(log) for number, log in enumerate(group.logs)}
        return (
            sorted(item for each in living for item in each.positions().items()) == sorted(ends.items())
            and group.is_settled()
            and not any(each.watcher.waiting_users for each in living)
            and not self._outside.lists.late
            and not self._without_list()
        )

    def _without_list(self) -> list[str]:
        return self._outside.oracle.users_without_their_list(self._outside.lists.memory)

    def _run(self, until: Callable[[], bool], trouble: Callable[[], None] = lambda: None) -> None:
        def between() -> None:
            self._fleet.tend()
            self._land_late()
            trouble()

        if not self.scheduler.run(until, between, MOST_SECONDS):
            states = [each.describe() for each in self._fleet.processes]
            raise Violation(f"no rest: {states} of {sorted(self._fleet.wanted)}, no list for {self._without_list()}")

    # -- what comes in, and what goes wrong -------------------------------------------------------------------

    def _trouble(self) -> None:
        if self._events_left and self._random.random() < EVENT_SHARE:
            self._events_left -= 1
            self._append()
        if self._faults_left and self._random.random() < FAULT_SHARE:
            self._faults_left -= 1
            fault = self._random.choice(FAULTS)
            self.scheduler.note(f"FAULT {fault.__name__}")
            self._faults[fault.__name__] += 1
            fault(self._outside, self._fleet)

    def _land_late(self) -> None:
        late = self._outside.lists.late
        if late and self._random.random() < LATE_SHARE:
            self._outside.lists.land(late.pop(self._random.randrange(len(late))))

    def _append(self) -> None:
        """An event, or one once more, or what is none."""
        user = self._random.randrange(USERS)
        partition = user % len(self._outside.group.logs)
        log = self._outside.group.logs[partition]
        chance = self._random.random()
        if chance < BROKEN_SHARE:
            value: bytes | None = b"{"
        elif log and chance < BROKEN_SHARE + DUPLICATE_SHARE:
            value = self._random.choice(log).value
        else:
            self._events += 1
            item = f"i{self._random.randrange(ITEMS)}"
            value = line(f"u{user}", item, event_id=f"e{self._events}", ts=self._unused_ms())
        self._outside.group.append(partition, value, self.scheduler.clock.now_ms())

    def _unused_ms(self) -> int:
        """Now; a little later if an event has that time already, so that no two are the same."""
        now_ms = self.scheduler.clock.now_ms()
        while now_ms in self._times_ms:
            now_ms += 1
        self._times_ms.add(now_ms)
        return now_ms
