"""The snapshot store: shared by all simulated processes, and as one of them sees it."""

from collections.abc import Sequence

from typing_extensions import override

from tests.recovery.simulator.oracle import Oracle
from tests.recovery.simulator.scheduler import Scheduler
from tests.recovery.simulator.trouble import Trouble
from worker.adapters.memory import MemorySnapshots
from worker.errors import ServiceUnavailable, SnapshotError
from worker.ports import ManifestName, SnapshotStore

LOOKED_INTO_SHARE = 0.1  # of the manifests


class SharedSnapshots:
    """The snapshot store, which all processes share.

    Attributes:
        memory: what stands there.
        trouble: what it meets calls with.
    """

    def __init__(self) -> None:
        self.memory = MemorySnapshots()
        self.trouble = Trouble.NONE


class SimulatedSnapshots(SnapshotStore):
    """The snapshot store as one process sees it."""

    def __init__(self, instance: str, shared: SharedSnapshots, scheduler: Scheduler, oracle: Oracle) -> None:
        self._instance = instance
        self._shared = shared
        self._scheduler = scheduler
        self._oracle = oracle

    @override
    def write_blob(self, content: bytes) -> str:
        self._scheduler.step("write a blob")
        self._refuse(Trouble.AWAY, Trouble.UNACKNOWLEDGED)
        name = self._shared.memory.write_blob(content)
        self._oracle.blob_written(name, self._instance)
        return name

    @override
    def create_manifest(self, name: ManifestName, content: bytes) -> None:
        self._scheduler.step(f"create manifest {name.sequence} of {name.instance}: {content.decode()}")
        self._refuse(Trouble.AWAY)
        self._shared.memory.create_manifest(name, content)
        looked_into = self._scheduler.random.random() < LOOKED_INTO_SHARE
        if b'"sealed_by":""' in content:
            self._oracle.manifest_created(name, content, looked_into=looked_into)
        self._refuse(Trouble.UNACKNOWLEDGED)
        self._scheduler.step("created")

    @override
    def drop(self, manifests: Sequence[ManifestName], blobs: Sequence[str]) -> None:
        self._scheduler.step(f"drop {[(n.instance, n.sequence) for n in manifests]}, {[b[:4] for b in blobs]}")
        self._refuse(Trouble.AWAY)
        self._shared.memory.drop(manifests, blobs)
        self._refuse(Trouble.UNACKNOWLEDGED)

    @override
    def read_blob(self, name: str) -> bytes:
        self._scheduler.step("read a blob")
        self._answer()
        return self._shared.memory.read_blob(name)

    @override
    def read_manifest(self, name: ManifestName) -> bytes:
        self._answer()
        return self._shared.memory.read_manifest(name)

    @override
    def manifests(self) -> list[ManifestName]:
        self._scheduler.step("list manifests")
        self._answer()
        return self._shared.memory.manifests()

    @override
    def blobs(self) -> list[str]:
        self._answer()
        return self._shared.memory.blobs()

    def _refuse(self, *troubles: Trouble) -> None:
        if self._shared.trouble in troubles:
            raise SnapshotError(f"the snapshot store is in trouble: {self._shared.trouble.value}")

    def _answer(self) -> None:
        """What reads must not take for missing what cannot be read now."""
        if self._shared.trouble is Trouble.AWAY:
            raise ServiceUnavailable("the snapshot store does not answer")
