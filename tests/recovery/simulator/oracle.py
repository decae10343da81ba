"""The oracle: knows from the log alone what the state must be, and looks over everything that becomes durable."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from safetensors.numpy import load as load_arrays

from models.knowledge import EVENTS
from models.strings import unpack
from tests.recovery.simulator.group import Group
from worker.adapters.memory import MemoryLists, MemorySnapshots
from worker.adapters.memory_source import MemoryRecord
from worker.events import RecommendationList
from worker.manifest import Manifest, PartitionEntry, read_manifests
from worker.ports import ManifestName

OFFSET = slice(9, 24)  # of a position's text


class Violation(AssertionError):
    """A promise was broken."""


class Oracle:
    """Judges one run."""

    def __init__(self, group: Group, snapshots: MemorySnapshots) -> None:
        self._group = group
        self._snapshots = snapshots
        self._owner_of_epoch: dict[tuple[int, int], str] = {}
        self._authors: dict[str, set[str]] = defaultdict(set)
        self._brought_along: dict[str, int] = defaultdict(int)

    # -- while it runs ----------------------------------------------------------------------------------------

    def blob_written(self, name: str, instance: str) -> None:
        """Remembers whose it is."""
        self._authors[name].add(instance)

    def manifest_created(self, name: ManifestName, content: bytes, *, looked_into: bool) -> None:
        """Under one epoch only one worker learns; no position is beyond the log; each user is what the log says."""
        manifest = msgspec.json.decode(content, type=Manifest)
        for partition, entry in manifest.partitions.items():
            has_learned = name.instance in self._authors[entry.blob]
            owner = self._owner_of_epoch.setdefault((partition, entry.epoch), name.instance) if has_learned else ""
            if has_learned and owner != name.instance:
                raise Violation(f"{owner} and {name.instance} both own epoch {entry.epoch} of partition {partition}")
            if looked_into:
                self._check_users(partition, entry)
        is_newest = name == [each for each in self._snapshots.manifests() if each.instance == name.instance][-1]
        if is_newest and manifest.knowledge and name.instance not in self._authors[manifest.knowledge]:
            self._brought_along[name.instance] = self._events_in(manifest.knowledge)

    def committed(self, next_offsets: Mapping[int, int]) -> None:
        """What Kafka is told is never ahead of the snapshots."""
        standing = self._standing()
        for partition, offset in next_offsets.items():
            if partition not in standing or offset > standing[partition].next_offset:
                raise Violation(f"offset {offset} of partition {partition} is committed before its snapshot stands")

    def overwritten(self, user: str, old: RecommendationList, new: RecommendationList) -> None:
        """No older list replaces a newer one."""
        if new.position <= old.position:
            raise Violation(f"the list of {user} at {old.position} was overwritten by one at {new.position}")

    def users_without_their_list(self, lists: MemoryLists) -> list[str]:
        """Whose last event is in no list."""
        last = {user: offset for log in self._group.logs for user, offset in last_offsets(log).items()}
        positions = {user: each.position for user, each in lists.lists.items()}
        return [
            user for user, offset in last.items() if user not in positions or int(positions[user][OFFSET]) <= offset
        ]

    # -- at the end -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """All events are in the snapshots, once."""
        standing = self._standing()
        for partition, log in enumerate(self._group.logs):
            entry = standing.get(partition)
            if entry is None or entry.next_offset != len(log):
                raise Violation(f"partition {partition} of {len(log)} records ends as {entry}")
            self._check_users(partition, entry)
        self._check_knowledge()

    def _check_users(self, partition: int, entry: PartitionEntry) -> None:
        log = self._group.logs[partition]
        if entry.next_offset > len(log):
            raise Violation(f"partition {partition} has {len(log)} records, a snapshot is at {entry.next_offset}")
        expected = histories(log[: entry.next_offset])
        found = self._histories_in(entry)
        if found != expected:
            raise Violation(f"users of partition {partition} at {entry.next_offset}: {found}, not {expected}")

    def _histories_in(self, entry: PartitionEntry) -> dict[str, list[str]]:
        """By user: the remembered items, newest first."""
        if not entry.blob:
            return {}
        arrays = load_arrays(self._snapshots.read_blob(entry.blob))
        names = unpack(arrays["shard.named.bytes"], arrays["shard.named.offsets"])
        users = unpack(arrays["shard.users.bytes"], arrays["shard.users.offsets"])
        rings, events = arrays["shard.profiles.items"], arrays["shard.profiles.events"].tolist()
        return {
            user: [names[rings[row, (events[row] - 1 - back) % rings.shape[1]]] for back in range(events[row])]
            for row, user in enumerate(users)
        }

    def _check_knowledge(self) -> None:
        """Summed over all workers, less what a new one copied from another."""
        newest = {name.instance: each for name, each in read_manifests(self._snapshots) if not each.sealed_by}
        learned = sum(self._events_in(each.knowledge) for each in newest.values() if each.knowledge)
        learned -= sum(self._brought_along.values())
        expected = sum(len(each) for log in self._group.logs for each in histories(log).values())
        if learned != expected:
            raise Violation(f"the workers know of {learned} events, there were {expected}")

    def _events_in(self, blob: str) -> int:
        return int(load_arrays(self._snapshots.read_blob(blob))["knowledge.counters"][EVENTS])

    def _standing(self) -> dict[int, PartitionEntry]:
        """Of each partition the entry that a restart goes on from."""
        standing: dict[int, PartitionEntry] = {}
        for _, manifest in read_manifests(self._snapshots):
            for partition, entry in manifest.entries().items():
                best = standing.get(partition)
                if best is None or (entry.epoch, entry.next_offset) > (best.epoch, best.next_offset):
                    standing[partition] = entry
        return standing


def histories(log: Sequence[MemoryRecord]) -> dict[str, list[str]]:
    """By user: the items of the valid events, newest first, each event once."""
    seen: set[bytes] = set()
    found: dict[str, list[str]] = defaultdict(list)
    for value in (record.value for record in log):
        if value and value != b"{" and value not in seen:
            seen.add(value)
            event = msgspec.json.decode(value)
            found[event["user_id"]].insert(0, event["item_id"])
    return dict(found)


def last_offsets(log: Sequence[MemoryRecord]) -> dict[str, int]:
    """By user: the offset of the last event."""
    seen: set[bytes] = set()
    found: dict[str, int] = {}
    for record in log:
        if record.value and record.value != b"{" and record.value not in seen:
            seen.add(record.value)
            found[msgspec.json.decode(record.value)["user_id"]] = record.offset
    return found
