"""The running part of the demo: a worker, its feed, and whoever watches. Loads the models."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from threading import Event
from time import monotonic, sleep

from producers.kafka_writer import ensure_topics, standard_topics
from producers.stopping import stop_on_signals
from worker import assembly, warmup
from worker.demo.console import console_of, shown_in_browser
from worker.demo.displays import Display
from worker.demo.feed import CREDIT, Feed, titles
from worker.demo.follow import Follower, watched
from worker.demo.guest import tidied
from worker.demo.places import Place
from worker.demo.plan import Plan
from worker.demo.scene import Addresses, Lookout
from worker.demo.statistics import Statistics
from worker.demo.task import Task
from worker.errors import ServiceUnavailable
from worker.loop import Worker
from worker.settings import Settings

ROUND_SECONDS = 0.1
READY_SECONDS = 60.0
DRAIN_SECONDS = 3.0


def warm_up() -> None:
    """Compiles what learning and ranking need, or loads it: the first time a minute, then a few seconds."""
    warmup.warm_up(Settings())


def play(place: Place, statistics: Statistics, display: Display, plan: Plan) -> None:
    """Runs a worker and feeds it, until the plan's seconds of feeding are over, or SIGINT or SIGTERM.

    Raises what ends a worker, ServiceUnavailable when a service of ours ends, or what the feed fails with.
    """
    settings = place.settings
    follower = Follower()
    if place.resumed:
        statistics.stop_scoring()
    with ExitStack() as stack:
        stack.enter_context(tidied(place))
        lists = stack.enter_context(closing(assembly.open_lists(settings)))
        ensure_topics(settings.kafka, standard_topics(settings.kafka))
        adapters = assembly.real_adapters(settings)
        adapters = replace(adapters, source=watched(adapters.source, follower))
        worker, health = assembly.assemble(settings, adapters, [statistics])
        health.start()
        stack.callback(health.stop)
        metrics = f"http://{settings.health.host}:{health.port}/metrics"
        console = stack.enter_context(console_of(place, metrics, display.note))
        if console and plan.browser:
            stack.enter_context(shown_in_browser(console, follower.followed))
        addresses = Addresses(place.kafka_address, place.redis_address, metrics, CREDIT, console)
        with _watched(display, Lookout(addresses, statistics, follower, lists, titles())):
            _run(worker, place, statistics, plan)


@contextmanager
def _watched(display: Display, lookout: Lookout) -> Iterator[None]:
    ended = Event()
    watching = Task("view", lambda: display.watch(lookout.scene, ended))
    try:
        yield
    finally:
        ended.set()
        watching.result()


def _run(worker: Worker, place: Place, statistics: Statistics, plan: Plan) -> None:
    """The worker runs here, on the main thread; another one feeds it and tells it when to stop."""
    with stop_on_signals() as stop:
        conductor = Task("conductor", _Conductor(worker, place, statistics, plan, stop).conduct)
        try:
            worker.run()
        finally:
            stop.set()
            conductor.result()


class _Conductor:
    def __init__(self, worker: Worker, place: Place, statistics: Statistics, plan: Plan, stop: Event) -> None:
        self._worker = worker
        self._place = place
        self._statistics = statistics
        self._plan = plan
        self._stop = stop

    def conduct(self) -> None:
        """Feeds once the worker is ready, so that freshness says what it is when all runs; ends feed, then worker."""
        try:
            self._await_ready()
            if not self._stop.is_set():
                self._feed()
        finally:
            self._worker.stop()

    def _await_ready(self) -> None:
        deadline = monotonic() + READY_SECONDS
        self._await(lambda: self._worker.why_not_ready() is None or monotonic() > deadline)
        trouble = self._worker.why_not_ready()
        if trouble and not self._stop.is_set():
            raise ServiceUnavailable(
                f"the worker is not ready after {READY_SECONDS:g} s: {trouble}",
                "try again with --folder, and see what worker.log in it says",
            )

    def _feed(self) -> None:
        ended = Event()
        feed = Feed(self._place.settings.kafka, self._plan.rate, ended, self._statistics.stop_scoring).begin()
        deadline = monotonic() + self._plan.seconds if self._plan.seconds else float("inf")
        try:
            self._await(lambda: monotonic() > deadline or not feed.running)
        finally:
            ended.set()
            sent = feed.result()
        self._drain(sent)

    def _await(self, done: Callable[[], bool]) -> None:
        """Returns when that is so, or when told to stop. Raises ServiceUnavailable when a service ends."""
        while not done() and not self._stop.wait(ROUND_SECONDS):
            self._place.check()

    def _drain(self, sent: int) -> None:
        """Lets the worker read what was sent, so that no list waits for the next demo in the same folder."""
        deadline = monotonic() + DRAIN_SECONDS
        while self._events_read() < sent and monotonic() < deadline:
            sleep(ROUND_SECONDS)

    def _events_read(self) -> int:
        figures = self._statistics.figures()
        return figures.total.events + sum(figures.rejected.values())
