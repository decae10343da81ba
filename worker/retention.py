"""Retention: step C5 of a checkpoint. What no restart can need any more is dropped, manifests before blobs."""

from collections.abc import Iterable

from worker.manifest import Manifest, Manifests, decode_manifest, highest_epochs
from worker.ports import Clock, ManifestName, SnapshotStore

# Another worker may be between writing a blob and naming it; nobody is for that long.
ABANDONED_SECONDS = 3600.0


class Retention:
    """Drops old snapshots of one worker, and what dead workers left behind."""

    def __init__(
        self, store: SnapshotStore, instance: str, keep: int, purge_seconds: float = ABANDONED_SECONDS
    ) -> None:
        """A purge takes blobs for abandoned that nobody has named for `purge_seconds`."""
        self._store = store
        self._purge_seconds = min(purge_seconds, ABANDONED_SECONDS)
        self._instance = instance
        self._keep = keep
        self._unnamed_since_seconds: dict[str, float] = {}

    def drop_old(self, clock: Clock, given_up: Iterable[str] = (), purge_below: int = 0) -> Manifests:
        """Drops our manifests beyond the last n, then the blobs that nobody names; returns the manifests that stay.

        Blobs that were `given_up` wait for no manifest. A purge drops all of ours below that number, and of logs that
        were sealed what passed on. Raises ServiceUnavailable or SnapshotError when something can be neither read nor
        dropped; the next call tries again.
        """
        manifests = self._read_all()
        dropped = self._beyond_the_last() + _of_dead_workers(manifests, self._instance, clock.now_ms())
        if purge_below:
            dropped += [name for name in self._ours() if name.sequence < purge_below] + _of_sealed_logs(manifests)
        self._store.drop(dropped, [])
        freed = _blobs(manifest for name, manifest in manifests if name in dropped) | set(given_up)
        kept = self._read_all()
        named = _blobs(manifest for _, manifest in kept)
        waits_seconds = self._purge_seconds if purge_below else ABANDONED_SECONDS
        gone = (freed - named) | self._abandoned(named, clock.monotonic(), waits_seconds)
        self._store.drop([], sorted(gone))
        for blob in gone:
            self._unnamed_since_seconds.pop(blob, None)
        return kept

    def unnamed(self) -> set[str]:
        """Blobs that no manifest named when `drop_old` looked last, and that it left."""
        return set(self._unnamed_since_seconds)

    def _read_all(self) -> Manifests:
        """Unlike a restart, this must not pass over what merely cannot be read now: it would drop its blobs."""
        contents = [(name, self._store.read_manifest(name)) for name in self._store.manifests()]
        decoded = [(name, decode_manifest(name, content)) for name, content in contents]
        return [(name, manifest) for name, manifest in decoded if manifest]

    def _ours(self) -> list[ManifestName]:
        return [name for name in self._store.manifests() if name.instance == self._instance]

    def _beyond_the_last(self) -> list[ManifestName]:
        return self._ours()[: -self._keep]

    def _abandoned(self, named: set[str], now_seconds: float, waits_seconds: float) -> set[str]:
        """Blobs of snapshots that were never finished: nobody has named them for long."""
        since, unnamed = self._unnamed_since_seconds, set(self._store.blobs()) - named
        self._unnamed_since_seconds = {blob: since.get(blob, now_seconds) for blob in unnamed}
        return {blob for blob in unnamed if now_seconds - self._unnamed_since_seconds[blob] > waits_seconds}


def _of_dead_workers(manifests: Manifests, instance: str, now_ms: int) -> list[ManifestName]:
    """Manifests of workers whose partitions all passed on to others long ago."""
    highest = highest_epochs(manifests)
    written_ms = {name.instance: manifest.created_ms for name, manifest in manifests}  # the last one of each
    silent = {each for each, last_ms in written_ms.items() if now_ms - last_ms > 1000 * ABANDONED_SECONDS}
    owners = {
        name.instance
        for name, manifest in manifests
        if any(entry.epoch == highest[number] for number, entry in manifest.entries().items())
    }
    return [name for name, _ in manifests if name.instance in silent - owners - {instance}]


def _of_sealed_logs(manifests: Manifests) -> list[ManifestName]:
    """Manifests before a seal whose partitions all passed on to others; the seal stays, or its worker would go on."""
    highest = highest_epochs(manifests)
    sealed = {name.instance: name.sequence for name, manifest in manifests if manifest.sealed_by}
    return [
        name
        for name, manifest in manifests
        if name.sequence < sealed.get(name.instance, 0)
        and all(entry.epoch < highest[number] for number, entry in manifest.entries().items())
    ]


def _blobs(manifests: Iterable[Manifest]) -> set[str]:
    return set().union(*(manifest.blobs() for manifest in manifests))
