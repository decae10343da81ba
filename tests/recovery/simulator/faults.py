"""What may go wrong; one of these is drawn now and then."""

from tests.recovery.simulator.fleet import Fleet
from tests.recovery.simulator.group import SESSION_SECONDS
from tests.recovery.simulator.process import Outside
from tests.recovery.simulator.trouble import Trouble

MOST_WORKERS = 4


def kill(outside: Outside, fleet: Fleet) -> None:
    """SIGKILL, between any two steps."""
    if process := fleet.some():
        process.kill()


def terminate(outside: Outside, fleet: Fleet) -> None:
    """SIGTERM; the worker comes back, as in a rolling restart."""
    if process := fleet.some():
        process.stop()


def freeze(outside: Outside, fleet: Fleet) -> None:
    """SIGSTOP for less or more than a session: a zombie."""
    if process := fleet.some():
        fleet.freeze(process, outside.scheduler.random.choice([0.3, 0.9, 1.5, 2.5]) * SESSION_SECONDS)


def twin(outside: Outside, fleet: Fleet) -> None:
    """A second process under the same name."""
    process = fleet.some()
    if process and process.instance in fleet.wanted:
        fleet.start(process.instance)


def scale(outside: Outside, fleet: Fleet) -> None:
    """One more worker, or one less."""
    random = outside.scheduler.random
    if len(fleet.wanted) > 1 and random.random() < 0.5:
        fleet.shrink(random.choice(sorted(fleet.wanted)))
    else:
        fleet.grow(f"w-{random.randrange(MOST_WORKERS)}")


def rebalance(outside: Outside, fleet: Fleet) -> None:
    """The group shares the partitions out anew."""
    outside.group.rebalance()


def broker(outside: Outside, fleet: Fleet) -> None:
    """Kafka goes away, or comes back."""
    outside.group.available = not outside.group.available


def lists(outside: Outside, fleet: Fleet) -> None:
    """The store of lists loses writes or answers, delivers late, or works again."""
    outside.lists.trouble = outside.scheduler.random.choice(list(Trouble))


def lists_lost(outside: Outside, fleet: Fleet) -> None:
    """The store of lists is emptied."""
    outside.lists.memory.empty()


def snapshots(outside: Outside, fleet: Fleet) -> None:
    """The snapshot store refuses writes, loses its answers, or works again."""
    outside.snapshots.trouble = outside.scheduler.random.choice([Trouble.NONE, Trouble.AWAY, Trouble.UNACKNOWLEDGED])


def clock(outside: Outside, fleet: Fleet) -> None:
    """UTC leaps, forth or back."""
    outside.scheduler.clock.leap(outside.scheduler.random.choice([-300.0, -5.0, 5.0, 300.0]))


FAULTS = (kill, kill, terminate, freeze, twin, scale, rebalance, broker, lists, lists_lost, snapshots, clock)
