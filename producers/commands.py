"""What the commands do, once their options are read; `cli` is their face."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from producers.catalogue import read_items
from producers.choices import LayoutName
from producers.columns import EventColumns
from producers.importers import EventFile, Layout, layout_of
from producers.jsonl_writer import JsonlWriter
from producers.kafka_writer import KafkaWriter, ensure_topics, standard_topics
from producers.pacing import Pace
from producers.progress import events_progress
from producers.readers import ColumnNames
from producers.replay import TICK_SECONDS, EventSink, replay
from producers.sample import sample_events_path, sample_items_path
from producers.simulate import Simulation
from producers.stopping import stop_on_signals
from worker import settings
from worker.errors import ConfigurationError
from worker.events import Item

DEFAULT_RATE = 1000.0
BATCHED_TICK_SECONDS = 0.1  # more events go out together, so that records fill


@dataclass(frozen=True, slots=True)
class Target:
    """Where events go: a file, or Kafka as the settings name it, unless told otherwise.

    Attributes:
        batch_events: most events in one record.
    """

    out: Path | None = None
    bootstrap_servers: str | None = None
    topic: str | None = None
    batch_events: int = 1


@dataclass(frozen=True, slots=True)
class Columns:
    """What a user says of a file's columns and kinds; see `ColumnNames` and `Layout`.

    Attributes:
        renamings: `OLD=NEW` for each kind that has another name here.
    """

    names: ColumnNames
    kind: str | None
    renamings: tuple[str, ...]

    def over(self, layout: Layout) -> Layout:
        """The layout, with what the user says in place of what it says."""
        said = {name: getattr(self.names, name) for name in ColumnNames.__slots__ if getattr(self.names, name)}
        return replace(
            layout,
            columns=replace(layout.columns, **said),
            kind=self.kind or layout.kind,
            new_kinds={**layout.new_kinds, **dict(map(_renaming, self.renamings))},
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stream is sent: see `replay`."""

    pace: Pace
    limit: int | None = None
    loop: bool = False


def replay_file(
    file: Path | None, sample: bool, items: Path | None, columns: Columns, target: Target, plan: Plan
) -> None:
    """Sends a file's events, or the shipped sample's, to Kafka."""
    if (file is None) is not sample:
        raise ConfigurationError("nothing or too much to replay", "give either a FILE or --sample")
    if plan.loop and plan.pace.moves_as_one:
        raise ConfigurationError("a loop without a pace", "give --rate or --speed with --loop")
    if file is None:
        file, items = sample_events_path(), items or sample_items_path()
    source = _event_file(file, columns.over(Layout()), by_time=False)
    _send(source, None if plan.loop else source.count(), target, plan, read_items(items) if items else ())


def simulate(simulation: Simulation, target: Target, plan: Plan) -> None:
    """Sends a simulated shop's catalogue and events to Kafka; at a default rate, were they to flow without end."""
    pace = plan.pace
    if plan.limit is None and pace.rate is None and pace.speed is None:
        plan = replace(plan, pace=replace(pace, rate=DEFAULT_RATE))
    _send(simulation, None, target, plan, simulation.catalogue())


def import_file(layout: LayoutName, file: Path, columns: Columns, target: Target, plan: Plan, by_time: bool) -> None:
    """Sends a data set's events, in the order of time if wanted, into a file or to Kafka."""
    if target.out and (target.bootstrap_servers or target.topic):
        raise ConfigurationError("two places to import to", "give --out, or --bootstrap-servers and --topic")
    source = _event_file(file, columns.over(layout_of(layout, file)), by_time)
    _send(source, source.count(), target, plan, ())


def _renaming(text: str) -> tuple[str, str]:
    old, sign, new = text.partition("=")
    if not sign or not old:
        raise ConfigurationError(
            f"--rename-kind {text} renames nothing", "write --rename-kind OLD=NEW, or OLD= to leave a kind out"
        )
    return old, new


def _event_file(file: Path, layout: Layout, by_time: bool) -> EventFile:
    console = Console(stderr=True)

    def on_skipped(rows: int) -> None:
        console.print(f"left out {rows:,} rows without user, item, time or kind", style="yellow")

    return EventFile(file, layout, by_time, on_skipped)


def _send(
    source: Iterable[EventColumns],
    total: int | None,
    target: Target,
    plan: Plan,
    items: Iterable[Item],
) -> None:
    total = plan.limit if total is None else min(total, plan.limit or total)
    if target.out:
        with JsonlWriter(target.out) as sink:
            _run(source, sink, total, str(target.out), plan, TICK_SECONDS)
        return
    kafka = _kafka(target)
    ensure_topics(kafka, standard_topics(kafka))
    tick_seconds = BATCHED_TICK_SECONDS if target.batch_events > 1 else TICK_SECONDS
    with KafkaWriter(kafka, batch_events=target.batch_events) as writer:
        writer.write_items(items)
        _run(source, writer, total, f"topic {kafka.events_topic}", plan, tick_seconds)


def _run(
    source: Iterable[EventColumns],
    sink: EventSink,
    total: int | None,
    name: str,
    plan: Plan,
    tick_seconds: float,
) -> None:
    with stop_on_signals() as stop, events_progress("sent", total, name) as advance:
        replay(
            source,
            sink,
            plan.pace,
            limit=plan.limit,
            loop=plan.loop,
            stop=stop,
            on_progress=advance,
            tick_seconds=tick_seconds,
        )


def _kafka(target: Target) -> settings.KafkaSettings:
    flags = {"kafka.bootstrap_servers": target.bootstrap_servers, "kafka.events_topic": target.topic}
    return settings.load(overrides={name: value for name, value in flags.items() if value}).kafka
