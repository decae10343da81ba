"""A seeded scheduler: threads of which one runs at a time, switched at the steps that they announce."""

from collections.abc import Callable
from random import Random
from threading import Event, Lock, Thread

from typing_extensions import override

from worker.adapters.memory import ManualClock

SWITCH_SHARE = 0.25  # of the steps at which somebody else may go on
STEP_SECONDS = 0.002  # that a turn takes, on average
THREAD_BYTES = 256 * 1024


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class Task:
    """Something that is done step by step.

    Attributes:
        wake_at_seconds: it sleeps until then.
        is_done: it came to its end.
        error: what ended it, if it was not its own end.
    """

    def __init__(self, name: str, work: Callable[[], None], back: Lock) -> None:
        self.name = name
        self.wake_at_seconds = 0.0
        self.is_done = False
        self.error: BaseException | None = None
        self._is_killed = False
        self._work = work
        self._back = back
        self._go = Lock()
        self._go.acquire()
        Thread(target=self._run, name=name, daemon=True).start()

    def resume(self) -> None:
        """Lets it run until it pauses or ends; called by the scheduler only."""
        self._go.release()
        self._back.acquire()

    def pause(self) -> None:
        """Lets others run; called by the task itself. Raises Killed when it was killed meanwhile."""
        self._back.release()
        self._go.acquire()
        self.live()

    def live(self) -> None:
        """Raises Killed when it was killed."""
        if self._is_killed:
            raise Killed

    def kill(self) -> None:
        """It ends at its next step, or where it pauses."""
        self._is_killed = True

    def _run(self) -> None:
        self._go.acquire()
        try:
            self.live()
            self._work()
        except BaseException as error:
            self.error = error
        self.is_done = True
        self._back.release()


class Scheduler:
    """Picks who runs next; all chance comes from one generator, all time from one clock.

    Attributes:
        trace: what happened, in order, where it is kept.
    """

    def __init__(self, random: Random, clock: ManualClock, *, traced: bool = False) -> None:
        self.random = random
        self.clock = clock
        self.trace: list[str] | None = [] if traced else None
        self.steps = 0
        self._tasks: list[Task] = []
        self._back = Lock()
        self._back.acquire()
        self._running: Task | None = None

    def spawn(self, name: str, work: Callable[[], None]) -> Task:
        """A task that is run from now on."""
        task = Task(name, work, self._back)
        task.wake_at_seconds = self.clock.seconds
        self._tasks.append(task)
        return task

    def step(self, what: str) -> None:
        """The running task is about to do something, or has just done it; others may come first."""
        task = self._task()
        task.live()
        self.steps += 1
        self.note(what)
        if self.random.random() < SWITCH_SHARE:
            task.pause()

    def sleep(self, seconds: float) -> None:
        """The running task waits."""
        task = self._task()
        task.wake_at_seconds = self.clock.seconds + seconds
        task.pause()

    def note(self, what: str) -> None:
        """Keeps a line of the trace."""
        if self.trace is not None:
            name = self._running.name if self._running else "world"
            self.trace.append(f"{self.clock.seconds:8.3f} {name:12} {what}")

    def run(self, until: Callable[[], bool], between: Callable[[], None], most_seconds: float) -> bool:
        """Gives turns until the condition holds; False = it did not within so many seconds."""
        deadline_seconds = self.clock.seconds + most_seconds
        while not until():
            if self.clock.seconds > deadline_seconds:
                return False
            self._turn()
            between()
        return True

    def end(self) -> None:
        """Kills whatever still runs."""
        for task in self._tasks:
            while not task.is_done:
                task.kill()
                self._resume(task)

    def _turn(self) -> None:
        now_seconds = self.clock.seconds
        ready = [task for task in self._tasks if task.wake_at_seconds <= now_seconds]
        if ready:
            self.clock.advance(self.random.random() * 2 * STEP_SECONDS)
            self._resume(chosen := self.random.choice(ready))
            if chosen.is_done:
                self._tasks.remove(chosen)
        else:
            soonest = min((task.wake_at_seconds for task in self._tasks), default=now_seconds)
            self.clock.advance(max(STEP_SECONDS, min(soonest - now_seconds, 0.1)))

    def _resume(self, task: Task) -> None:
        before, self._running = self._running, task
        task.resume()
        self._running = before

    def _task(self) -> Task:
        assert self._running is not None, "only tasks take steps"
        return self._running


class SimulatedEvent(Event):
    """An event on which a task waits in the scheduler's time."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    @override
    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        deadline_seconds = self._scheduler.clock.seconds + timeout
        while not self.is_set() and self._scheduler.clock.seconds < deadline_seconds:
            self._scheduler.sleep(0.1)
        return self.is_set()
