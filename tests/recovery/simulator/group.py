"""The event topic and its consumer group: members come, go silent, are replaced; partitions move between them.

What it does is what was seen of a real broker: a static member that returns in time keeps its partitions; its
twin of before goes on reading without being told; who was silent too long is told at the next poll.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from worker.adapters.memory import ManualClock
from worker.adapters.memory_source import MemoryRecord

SESSION_SECONDS = 1.2
CARELESS_SHARE = 0.1  # of the moves: the new owner is told before the old one let go, as the client's assignor may do
STICKY_SHARE = 0.7  # of the rebalances: whoever has a partition keeps it, if the shares stay even


@dataclass
class Member:
    """One place in the group.

    Attributes:
        process: who holds it now.
        owned: partitions that the group counts as its.
        news: assigned since its last poll.
        leaving: to be given up at its next poll, with the member that each goes to.
        silent_since: when its process stopped sending heartbeats; None = it sends them.
    """

    process: object
    owned: set[int] = field(default_factory=set)
    news: list[int] = field(default_factory=list)
    leaving: dict[int, str] = field(default_factory=dict)
    silent_since: float | None = None


class Group:
    """Attributes:
    logs: the records of each partition.
    committed: by partition.
    available: False = the broker is away.
    """

    def __init__(self, partitions: int, random: Random, clock: ManualClock) -> None:
        self.logs: list[list[MemoryRecord]] = [[] for _ in range(partitions)]
        self.committed: dict[int, int] = {}
        self.available = True
        self.members: dict[str, Member] = {}
        self._evicted: set[object] = set()
        self._replaced: set[object] = set()
        self._random = random
        self._clock = clock

    def append(self, partition: int, value: bytes | None, now_ms: int) -> int:
        """A record more; returns its offset."""
        log = self.logs[partition]
        log.append(MemoryRecord(len(log), now_ms, b"k", value))
        return len(log) - 1

    def join(self, name: str, process: object) -> None:
        """A process takes its place, or makes one."""
        if name in self.members:
            member = self.members[name]
            self._replaced.add(member.process)
            member.process, member.silent_since = process, None
            member.news = sorted(member.owned - member.leaving.keys())
            for partition in list(member.leaving):  # nobody is left who could give them up
                self._let_go(member, partition)
        else:
            self.members[name] = Member(process)
            self.rebalance()

    def member(self, name: str, process: object) -> Member | None:
        """The place of a process; None = it was put out, or another one took it."""
        member = self.members.get(name)
        return member if member and member.process is process else None

    def is_settled(self) -> bool:
        """Whether nobody has anything to take or to give up."""
        return not any(member.news or member.leaving for member in self.members.values())

    def was_evicted(self, process: object) -> bool:
        """Whether it was silent for too long; a process that was only replaced is never told."""
        return process in self._evicted

    def was_replaced(self, process: object) -> bool:
        """Whether another process came under its name."""
        return process in self._replaced

    def silence(self, name: str, process: object, *, silent: bool) -> None:
        """The process stops sending heartbeats, or sends them again."""
        member = self.member(name, process)
        if member and silent != (member.silent_since is not None):
            member.silent_since = self._clock.seconds if silent else None

    def watch(self) -> None:
        """Puts out who is silent for too long."""
        for name, member in list(self.members.items()):
            if member.silent_since is not None and self._clock.seconds - member.silent_since > SESSION_SECONDS:
                self._evicted.add(member.process)
                del self.members[name]
                self.rebalance()

    def rebalance(self) -> None:
        """Shares the partitions out: what nobody has goes to its new owner at once, the rest as its owners let go."""
        for partition, name in self._shares().items():
            owner = self._owner(partition)
            if owner is None:
                self._give(partition, name)
            elif owner != name and partition not in self.members[owner].leaving:
                self._move(partition, owner, name)

    def given_up(self, name: str, process: object, partitions: Sequence[int]) -> None:
        """The process has let them go."""
        if member := self.member(name, process):
            for partition in set(partitions) & member.leaving.keys():
                self._let_go(member, partition)

    def _let_go(self, member: Member, partition: int) -> None:
        name = member.leaving.pop(partition)
        if partition in member.owned:
            member.owned.discard(partition)
            self._give(partition, name if name in self.members else self._random.choice(sorted(self.members)))

    def _move(self, partition: int, owner: str, name: str) -> None:
        self.members[owner].leaving[partition] = name
        if self._random.random() < CARELESS_SHARE:
            self.members[owner].owned.discard(partition)
            self._give(partition, name)

    def _give(self, partition: int, name: str) -> None:
        self.members[name].owned.add(partition)
        self.members[name].news.append(partition)

    def _owner(self, partition: int) -> str | None:
        return next((name for name, member in self.members.items() if partition in member.owned), None)

    def _shares(self) -> Mapping[int, str]:
        names = sorted(self.members)
        self._random.shuffle(names)
        partitions = list(range(len(self.logs)))
        shares: dict[int, str] = {}
        most = -(-len(partitions) // max(1, len(names)))
        if names and self._random.random() < STICKY_SHARE:
            for partition in partitions:
                owner = self._owner(partition)
                if owner and sum(name == owner for name in shares.values()) < most:
                    shares[partition] = owner
        for partition in partitions if names else ():
            if partition not in shares:
                shares[partition] = min(names, key=lambda name: sum(each == name for each in shares.values()))
        return shares
