"""The processes that should run, and whoever starts them again: what a StatefulSet does."""

from tests.recovery.simulator.group import SESSION_SECONDS
from tests.recovery.simulator.oracle import Violation
from tests.recovery.simulator.process import Outside, Process

PAUSES_SECONDS = (0.05, 0.5, 1.5 * SESSION_SECONDS)  # before a restart: the group notices the last one


class Fleet:
    """Attributes:
    wanted: names of the workers that should run.
    processes: all that run or have just ended, in the order of their start.
    is_closing: nobody is started again.
    """

    def __init__(self, outside: Outside, workers: int) -> None:
        self.wanted = {f"w-{number}" for number in range(workers)}
        self.processes: list[Process] = []
        self.is_closing = False
        self._outside = outside
        self._random = outside.scheduler.random
        self._restart_at = {name: self._random.random() * 0.3 for name in sorted(self.wanted)}

    def tend(self) -> None:
        """Between two turns: heartbeats go silent and come back, the dead are buried and replaced."""
        self._thaw()
        self._outside.group.watch()
        self._bury()
        self._restart()

    def living(self) -> list[Process]:
        """Those that run, less who was replaced and owns nothing: such a twin has no occasion to learn of it."""
        replaced = self._outside.group.was_replaced
        return [each for each in self.processes if not each.is_over and (each.positions() or not replaced(each))]

    def some(self) -> Process | None:
        """One that runs."""
        running = [each for each in self.processes if not each.is_over]
        return self._random.choice(running) if running else None

    def start(self, name: str) -> None:
        """One more process, whatever runs under that name."""
        self.processes.append(Process(name, self._outside))

    def grow(self, name: str) -> None:
        """One more worker is wanted."""
        if name not in self.wanted:
            self.wanted.add(name)
            self._restart_at[name] = self._outside.scheduler.clock.seconds

    def shrink(self, name: str) -> None:
        """A worker is wanted no more, and stopped."""
        self.wanted.discard(name)
        self._restart_at.pop(name, None)
        for process in self.processes:
            if process.instance == name:
                process.stop()

    def freeze(self, process: Process, seconds: float) -> None:
        """Neither works nor sends heartbeats."""
        process.freeze(seconds)
        self._outside.group.silence(process.instance, process, silent=True)

    def stop(self) -> None:
        """SIGTERM for all, and no restart."""
        self.is_closing = True
        for process in self.processes:
            process.stop()

    def has_ended(self) -> bool:
        """Whether nothing runs any more."""
        return all(process.is_over for process in self.processes)

    def has_ended_in_order(self) -> bool:
        """Whether the last process of each worker left a last snapshot."""
        last = {process.instance: process for process in self.processes}
        return all(process.has_ended_in_order() for process in last.values())

    def _thaw(self) -> None:
        now_seconds = self._outside.scheduler.clock.seconds
        for process in self.processes:
            if 0.0 < process.thaws_at_seconds <= now_seconds:
                process.thaws_at_seconds = 0.0
                self._outside.group.silence(process.instance, process, silent=False)

    def _bury(self) -> None:
        for process in [each for each in self.processes if each.is_over]:
            if error := process.error():
                raise Violation(f"{process.instance} ended with {type(error).__name__}: {error}") from error
            self._outside.group.silence(process.instance, process, silent=True)
            if not self.is_closing:
                self.processes.remove(process)
                self._replace(process.instance)

    def _replace(self, name: str) -> None:
        if name in self.wanted and not any(each.instance == name for each in self.living()):
            pause_seconds = self._random.choice(PAUSES_SECONDS)
            self._restart_at.setdefault(name, self._outside.scheduler.clock.seconds + pause_seconds)

    def _restart(self) -> None:
        for name, seconds in list(self._restart_at.items()):
            if self._outside.scheduler.clock.seconds >= seconds:
                del self._restart_at[name]
                self.start(name)
