"""`millrace tune`: a search for the settings that suit a stream."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from producers import options as file_options
from worker.commands.evaluate import OfKinds, listed
from worker.commands.options import AsJson, Assignments, ConfigFile, assigned
from worker.commands.output import print_json
from worker.errors import ConfigurationError

if TYPE_CHECKING:  # loads the models
    from worker.tuning.study import Ended


class Metric(StrEnum):
    """The figures that can be searched for."""

    HR = "hr@20"
    MRR = "mrr@20"
    NDCG = "ndcg@10"

    @property
    def key(self) -> str:
        """Its name among the figures."""
        return self.value.replace("@", "_at_")


Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Parquet, CSV or JSONL files of events, in order.")
]
MetricOption = Annotated[Metric, typer.Option("--metric", help="What is to become better.")]
ScoredKinds = Annotated[
    str | None,
    typer.Option("--score", metavar="A,B", help="Only events of these kinds count; default: of a weight above 0."),
]
Names = Annotated[
    str | None,
    typer.Option(
        "--settings",
        metavar="NAME,...",
        help="What is searched; default: learning.renewal, learning.objective and events.kinds.KIND.",
    ),
]
Events = Annotated[int | None, typer.Option("--events", min=1, metavar="N", help="Search the first N events.")]
Share = Annotated[float, typer.Option("--share", min=0.01, max=0.99, help="Search so much of the events, the first.")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="Of the study, those before a restart among them.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn.")]
StudyFile = Annotated[
    Path | None,
    typer.Option("--study", metavar="FILE", help="SQLite file that keeps the trials; the same command goes on."),
]


def tune(
    files: Files,
    metric: MetricOption = Metric.HR,
    score: ScoredKinds = None,
    names: Names = None,
    events: Events = None,
    share: Share = 0.3,
    trials: Trials = 30,
    seed: Seed = 0,
    study: StudyFile = None,
    kinds: OfKinds = None,
    limit: file_options.Limit = None,
    user_column: file_options.OfUser = None,
    item_column: file_options.OfItem = None,
    time_column: file_options.OfTime = None,
    event_column: file_options.OfEvent = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    assignments: Assignments = None,
) -> None:
    """Search the settings under which a file's events are foreseen best; prints what to change, as TOML.

    Each trial ranks, then learns, the first part of the events, as `millrace evaluate` does, but with the weights of
    events.kinds; a kind that is not among them weighs 1. The settings in force are the first trial. A trial that is
    behind most others is given up. Then the best and those in force go over all events, and the later part, which was
    not searched, says what the gain is, with 95 % confidence.

    With --study, trials are kept as they end, and the same command goes on after a kill, to the same result. Needs the
    extra `tune`.
    """
    tuning = _tuning_module()
    from producers.readers import ColumnNames
    from worker.offline import Selection, read_streams
    from worker.settings import load

    given = assigned(assignments)
    columns = ColumnNames(user_column, item_column, time_column, event_column)
    stream = read_streams(files, columns, Selection(frozenset(listed(kinds)), limit))
    plan = tuning.Plan(metric.key, tuple(listed(score)), tuple(listed(names)), events, share, trials, seed, study)
    work = tuning.Tuning(stream, lambda chosen: load(config, {**given, **chosen}), plan)
    with _progress(work.events_of_all_passes, trials, metric) as (on_events, on_trial):
        figures = work.run(tuning.Hearing(on_events, on_trial))
    if as_json:
        print_json(figures)
    else:
        typer.echo(_as_toml(figures, metric), nl=False)


def _tuning_module() -> Any:
    try:
        import optuna  # noqa: F401, the optional extra `tune`
    except ImportError as error:
        raise ConfigurationError(f"optuna is not installed: {error}", "pip install 'millrace[tune]'") from error
    from worker.tuning import run  # loads the models

    return run


@contextmanager
def _progress(
    events: int, trials: int, metric: Metric
) -> Iterator[tuple[Callable[[int], None], Callable[["Ended"], None]]]:
    """On standard error: a line a trial, and a bar for terminals that is gone at the end."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rank, then learn", total=events)

        def on_trial(trial: "Ended") -> None:
            pruned = " when it was given up" if trial.is_pruned else ""
            chosen = ", ".join(f"{name}={_shown(value)}" for name, value in trial.chosen.items())
            line = f"trial {trial.number} of {trials}: {metric.value.upper()} {trial.value:.4f}{pruned} ({chosen})"
            console.print(line, markup=False)

        yield lambda done: bar.update(task, completed=done), on_trial


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "none"


def _as_toml(figures: Mapping[str, Any], metric: Metric) -> str:
    from worker.settings_toml import as_table_entries

    lines = "".join(f"# {line}\n" for line in _summary(figures, metric.value.upper()))
    return lines + as_table_entries(figures["to_write"])


def _summary(figures: Mapping[str, Any], name: str) -> Iterator[str]:
    trials, events, confirmed = figures["trials"], figures["events"], figures["confirmed"]
    pruned = sum(trial["is_pruned"] for trial in trials)
    yield (
        f"{len(trials)} trials, {pruned} of them given up, on the first {events['searched']:,} events: "
        f"{name} {figures['in_force']['value']:.4f} in force, {figures['best']['value']:.4f} at best."
    )
    if confirmed is None:
        yield "Nothing did better than the settings in force: there is nothing to change."
        return
    relative = confirmed["difference"] / confirmed["in_force"] if confirmed["in_force"] else float("nan")
    yield (
        f"On the {events['later']:,} later events, which were not searched, {confirmed['scored']:,} scored: "
        f"{confirmed['in_force']:.4f} in force, {confirmed['tuned']:.4f} with these;"
    )
    low, high = confirmed["low"], confirmed["high"]
    yield f"{confirmed['difference']:+.4f} ({relative:+.1%}), with 95 % confidence {low:+.4f} to {high:+.4f}."
    yield {
        "better": "That is more than chance.",
        "worse": "That is worse, by more than chance: keep the settings in force.",
        "within noise": "That is within noise: it may be nothing.",
    }[confirmed["verdict"]]
    seconds = confirmed["seconds"]
    yield f"A pass took {seconds['in_force']} s in force, {seconds['tuned']} s with these."


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace tune events.parquet --study study.db --metric ndcg@10 > tuned.toml")(tune)
