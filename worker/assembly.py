"""The only place that picks adapters and wires objects."""

import asyncio
import signal
import socket
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import FrameType

import structlog

from models.foresight import check_base
from models.policies import Repeats
from models.recommender import Recommender, RecommenderOptions
from models.sequence_options import EVERYTHING, PREFIX, SequenceOptions
from worker.adapters.clock import SystemClock
from worker.adapters.kafka_notes import KafkaNotes
from worker.adapters.kafka_records import KafkaRecords
from worker.adapters.kafka_sink import KafkaDeadLetters
from worker.adapters.kafka_source import KafkaEventSource
from worker.adapters.kafka_table import KafkaTable
from worker.adapters.redis_lists import RedisLists
from worker.budgets import chosen_experts, max_items, max_users
from worker.catalogue import Catalogue
from worker.checkpoint import Checkpointer
from worker.collector import few_collections
from worker.control import Control
from worker.enforcement import Enforcement
from worker.errors import ConfigurationError, StateError
from worker.health import HealthServer
from worker.logs import configure_logs
from worker.loop import Worker
from worker.manifest_log import ManifestLog
from worker.notes import Notes
from worker.observers import Observer, Observers
from worker.oddities import Oddities
from worker.parts import Parts
from worker.pipeline import Pipeline, Ports
from worker.ports import Clock, CompactedTopic, DeadLetters, EventSource, ListSink, RecordSink, SnapshotStore
from worker.prometheus_observer import PrometheusObserver
from worker.reporting import Reporting
from worker.restore import Restorer
from worker.review import ReviewQueue
from worker.rules import ListRules
from worker.settings import ExpertSettings, Settings
from worker.similar import SimilarPublishing
from worker.snapshot_stores import open_snapshots
from worker.steps.decode import Decoder
from worker.steps.rank import Ranker
from worker.text_encoders import open_text_encoder
from worker.tracing import open_tracing
from worker.trained_model import ANEW, HeadChoice, read_base
from worker.trainer import Trainer
from worker.warmup import warm_up

FORCED_EXIT = 130
BASE_PROPOSALS = 64
PURGE_INTERVALS = 20  # of snapshots: nobody writes at one for so long

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Adapters:
    """The outside of a worker: real services, or the in-memory ones of `adapters/memory.py`."""

    source: EventSource
    lists: ListSink
    dead_letters: DeadLetters
    catalogue: CompactedTopic
    control: CompactedTopic
    notes: RecordSink
    snapshots: SnapshotStore
    clock: Clock
    background: Executor
    loading: Executor


def real_adapters(settings: Settings) -> Adapters:
    """Kafka, Redis, and a folder or an object store. Raises ConfigurationError when an address is missing or wrong."""
    if settings.kafka.bootstrap_servers is None:
        raise ConfigurationError(
            "no Kafka address is set",
            "set MILLRACE_KAFKA__BOOTSTRAP_SERVERS, or try `millrace demo`, which brings its own",
        )
    return Adapters(
        source=KafkaEventSource(settings.kafka),
        lists=RedisLists(settings.redis, settings.lists),
        dead_letters=KafkaDeadLetters(settings.kafka),
        catalogue=KafkaTable(settings.kafka, settings.kafka.items_topic),
        control=KafkaTable(settings.kafka, settings.kafka.control_topic),
        notes=KafkaNotes(settings.kafka),
        snapshots=open_snapshots(settings.snapshots, settings.memory),
        clock=SystemClock(),
        background=ThreadPoolExecutor(1, "snapshot"),
        loading=ThreadPoolExecutor(1, "loading"),
    )


def recommender_options(settings: Settings) -> RecommenderOptions:
    """The models' options as the settings have them. Raises ConfigurationError for a budget without any room."""
    return RecommenderOptions(
        max_items=max_items(settings),
        max_users=max_users(settings),
        repeats=Repeats[settings.learning.repeats.upper()],
        ranker_share=settings.learning.ranker_share,
        ranker_warmup_events=settings.learning.ranker_warmup_events,
        diversity=settings.lists.diversity,
        most_per_category=settings.lists.max_per_category,
        exploration_share=settings.lists.exploration_share,
        new_item_events=settings.lists.exploration_events,
        unlisted_shown=ListRules(settings.lists).unlisted_shown,
        renewal=settings.learning.renewal,
        experts=chosen_experts(settings),
        sequence=sequence_options(settings.experts, settings.learning.objective),
        text_encoder=open_text_encoder(settings.experts),
        embedding_width=settings.experts.embedding_width if settings.experts.content else 0,
    )


def sequence_options(experts: ExpertSettings, objective: Collection[str] = ()) -> SequenceOptions:
    """Those of the sequence expert, where lists are to foresee events of these kinds; none = of all.

    Raises StateError for a base that cannot be used, ConfigurationError without one that is needed.
    """
    base, tuning = None, experts.sequence_tuning
    if experts.sequence and experts.sequence_base:
        prefixes = experts.sequence_adapter_size if tuning == PREFIX else 0
        base = read_base(experts.sequence_base, prefixes, HeadChoice(experts.sequence_head, objective))
    if experts.sequence and base is None and (tuning != EVERYTHING or experts.sequence_head):
        raise ConfigurationError(
            f"{_needy(experts)} needs a model to start from",
            "name the folder of one with experts.sequence_base, which `millrace train` makes",
        )
    options = SequenceOptions(
        experts.sequence_interval_events,
        experts.sequence_encoder,
        base,
        tuning if base else EVERYTHING,
        experts.sequence_adapter_size,
        experts.sequence_rate,
        _proposals(experts),
    )
    if base is not None:
        try:
            check_base(options)
        except (ValueError, KeyError) as error:
            raise StateError(f"the model in {experts.sequence_base} cannot be used: {error}", ANEW) from error
    return options


def _needy(experts: ExpertSettings) -> str:
    if experts.sequence_tuning != EVERYTHING:
        return f"experts.sequence_tuning = {experts.sequence_tuning}"
    return f"experts.sequence_head = {', '.join(experts.sequence_head)}"


def _proposals(experts: ExpertSettings) -> int:
    """What is new to the stream has little to propose, and all items are scored for it."""
    if experts.sequence_proposals is not None:
        return experts.sequence_proposals
    return BASE_PROPOSALS if experts.sequence_base else 0


def new_recommender(settings: Settings, clock: Clock) -> Recommender:
    """That knows nothing yet, and trains beside the line within its budget."""
    return Recommender(
        recommender_options(settings),
        Trainer(settings.experts.sequence_budget, clock, settings.experts.sequence_round_seconds),
    )


def open_lists(settings: Settings) -> ListSink:
    """Published lists, to be read back."""
    return RedisLists(settings.redis, settings.lists)


def open_catalogue(settings: Settings) -> Catalogue:
    """The catalogue in the items topic."""
    return Catalogue(KafkaTable(settings.kafka, settings.kafka.items_topic), limits=settings.events)


def open_review_queue(settings: Settings) -> ReviewQueue:
    """What waits for a person, in the review topic."""
    return ReviewQueue(KafkaTable(settings.kafka, settings.kafka.review_topic))


def write_records(settings: Settings, records: Iterable[tuple[str, str, bytes]]) -> None:
    """Writes topic, key and value of each, in order. Raises ServiceUnavailable when it is not known to be there."""

    async def write_all() -> None:
        for topic, key, value in records:
            await sink.write(topic, [(key, value)])

    with closing(KafkaRecords(settings.kafka, settings.api.acknowledge_seconds)) as sink:
        asyncio.run(write_all())


def build_worker(
    settings: Settings,
    adapters: Adapters,
    observer: Observer,
    recommender: Recommender,
    pipeline_kind: type[Pipeline] = Pipeline,
) -> Worker:
    """A worker on any adapters."""
    ranker = Ranker(
        recommender,
        settings.lists.size,
        model_name(),
        explain=settings.lists.explanations,
        recent=settings.lists.recent_events,
        kinds=settings.events.kinds,
    )
    decoder = Decoder(settings.events, settings.learning.objective)
    instance = instance_name(settings)
    for_review = Notes(adapters.notes, settings.kafka.review_topic, instance, adapters.clock)
    ports = Ports(
        adapters.lists,
        adapters.dead_letters,
        adapters.clock,
        adapters.loading,
        Reporting(for_review, settings.events.report_kinds),
        Oddities(recommender, for_review, settings.lists.odd_share),
    )
    similar = SimilarPublishing(recommender, adapters.lists, adapters.clock, settings.lists, model_name())
    pipeline = pipeline_kind(decoder, recommender, ranker, ports, settings.refresh, observer, similar)
    manifest_log = ManifestLog(adapters.snapshots, instance)
    restorer = Restorer(adapters.snapshots, recommender, settings.clean, manifest_log)
    purge_seconds = PURGE_INTERVALS * settings.snapshots.interval_seconds
    checkpointer = Checkpointer(
        adapters.snapshots, recommender, manifest_log, adapters.background, settings.snapshots.keep, purge_seconds
    )
    catalogue = Catalogue(adapters.catalogue, ListRules(settings.lists), settings.events)
    enforcement = Enforcement(
        Control(adapters.control, settings.events),
        catalogue,
        pipeline,
        Notes(adapters.notes, settings.kafka.control_topic, instance, adapters.clock),
        adapters.source.partitions,
    )
    parts = Parts(
        adapters.source,
        adapters.lists,
        adapters.dead_letters,
        catalogue,
        pipeline,
        enforcement,
        restorer,
        checkpointer,
        manifest_log,
        adapters.clock,
        observer,
    )
    return Worker(settings, parts)


@cache
def model_name() -> str:
    """What published lists say of who made them."""
    return f"millrace-{version('millrace')}"


def instance_name(settings: Settings) -> str:
    """The name of this worker's log of snapshots: its instance id, or one that nobody had before."""
    return settings.kafka.instance_id or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"


def assemble(settings: Settings, adapters: Adapters, observers: Sequence[Observer]) -> tuple[Worker, HealthServer]:
    """A worker that knows nothing yet, and its health port, which is closed yet."""
    prometheus = PrometheusObserver(adapters.clock, settings.events.kinds)
    recommender = new_recommender(settings, adapters.clock)
    worker = build_worker(settings, adapters, Observers(prometheus, *observers), recommender)
    prometheus.ready_when(worker.why_not_ready)
    return worker, HealthServer(settings.health, prometheus.render, worker.why_not_live, worker.why_not_ready)


def run_worker(settings: Settings, read_again: Callable[[], Settings], observers: Sequence[Observer] = ()) -> None:
    """Runs a worker, with its health port, until SIGTERM or SIGINT; SIGHUP reads settings again.

    Raises MillraceError.
    """
    configure_logs(settings.log)
    tracing = [open_tracing(version("millrace"))] if settings.run.tracing else []
    worker, health = assemble(settings, real_adapters(settings), [*observers, *tracing])
    health.start()
    log.info("worker started", health_port=health.port, version=version("millrace"))
    try:
        with stopped_by_signals(worker), reloaded_by_signal(worker, read_again):
            warm_up(settings)
            with few_collections():
                worker.run()
    finally:
        health.stop()
    log.info("worker stopped")


@contextmanager
def stopped_by_signals(worker: Worker) -> Iterator[None]:
    """The first SIGTERM or SIGINT asks the worker to stop, a second one ends the process at once."""
    asked = False

    def stop(_signal_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise SystemExit(FORCED_EXIT)
        asked = True
        worker.stop()

    with _handled(stop, signal.SIGTERM, signal.SIGINT):
        yield


@contextmanager
def reloaded_by_signal(worker: Worker, read_again: Callable[[], Settings]) -> Iterator[None]:
    """SIGHUP hands the worker the settings as they are by then; those that are wrong change nothing."""

    def reload(_signal_number: int, _frame: FrameType | None) -> None:
        try:
            wanted = read_again()
        except ConfigurationError as error:
            log.error("settings were not read again", error=str(error), remedy=error.remedy)
        else:
            configure_logs(wanted.log)
            worker.reload(wanted)

    with _handled(reload, signal.SIGHUP):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None], *numbers: signal.Signals) -> Iterator[None]:
    """In the block these signals call the handler."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
