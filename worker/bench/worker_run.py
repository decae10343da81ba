"""Runs the real worker in a thread of this process, with a meter."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from typing_extensions import override

from models.recommender import Arrays
from worker.assembly import build_worker, new_recommender, real_adapters
from worker.bench.meter import Meter
from worker.collector import few_collections
from worker.observers import Observers
from worker.partition import OwnedPartition
from worker.pipeline import Pipeline
from worker.prometheus_observer import PrometheusObserver
from worker.settings import Settings

GIVE_UP_SECONDS = 300.0


class LearnOnly(Pipeline):
    """Decodes, cleans and learns as ever; no list is ranked or published."""

    @override
    def refresh(self, partitions: Sequence[OwnedPartition], seconds: float) -> None:
        """Leaves the users waiting."""

    @override
    def publish_popular(self, *, standing_by: bool = False) -> None:
        """Leaves the popular list as it stands."""


@contextmanager
def running_worker(
    settings: Settings,
    knowledge: Arrays | None = None,
    pipeline_kind: type[Pipeline] = Pipeline,
    meter: Meter | None = None,
) -> Iterator[Meter]:
    """A worker as `millrace worker` runs it, its metrics included, with the meter beside them. Raises as it does.

    With `knowledge` it knows items as one that starts from a snapshot does; its users are new to it.
    """
    adapters, meter = real_adapters(settings), meter or Meter()
    observer = Observers(PrometheusObserver(adapters.clock), meter)
    recommender = new_recommender(settings, adapters.clock)
    if knowledge is not None:
        recommender.load(knowledge)
    worker = build_worker(settings, adapters, observer, recommender, pipeline_kind)
    with few_collections(), ThreadPoolExecutor(1, "bench-worker") as pool:
        run: Future[None] = pool.submit(worker.run)
        run.add_done_callback(lambda done: meter.over(done.exception()))
        try:
            yield meter
        finally:
            worker.stop()
    run.result()


def run_until(settings: Settings, knowledge: Arrays, events: int, pipeline_kind: type[Pipeline]) -> Meter:
    """Runs a worker until it saw so many events; how many it had seen by then is what the meter holds."""
    with running_worker(settings, knowledge, pipeline_kind) as meter:
        meter.wait_for_events(events, GIVE_UP_SECONDS)
    return meter
