"""One search: trials on the first part of a stream, then the winner against the settings in force on the later part."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from models.batch import Bools, Interactions
from worker.assembly import recommender_options
from worker.errors import ConfigurationError
from worker.offline import aimed, of_kinds
from worker.settings import Settings
from worker.tuning.passes import BLOCKS, Pass, Report, gain_of, run_pass, weighed
from worker.tuning.space import KIND, Space, Value, as_settings, space_of
from worker.tuning.study import Ended, Search, opened

UNKNOWN_KIND_WEIGHT = 1.0

SettingsWith = Callable[[Mapping[str, Value]], Settings]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to search, and on what.

    Attributes:
        metric: `hr_at_20` or another of `models.accuracy.gains`.
        scored: only events of these kinds count; empty = of those of the objective in force, or else of all that teach
            by a weight above 0.
        names: settings; empty = by default.
        events: so many first events are searched; None = `share` of them.
        share: of the events.
        trials: of the study, those before a restart among them.
        seed: of what optuna draws.
        study: SQLite file; None = in memory.
    """

    metric: str = "hr_at_20"
    scored: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    events: int | None = None
    share: float = 0.3
    trials: int = 30
    seed: int = 0
    study: Path | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who hears how it goes.

    Attributes:
        events: of the events done, those of all passes of this run together.
        trial: of each trial that ended.
    """

    events: Callable[[int], None] = lambda events: None
    trial: Callable[[Ended], None] = lambda trial: None


class Tuning:
    """A stream, the settings in force, and a plan. Raises ConfigurationError where they do not go together."""

    def __init__(self, stream: Interactions, settings_with: SettingsWith, plan: Plan) -> None:
        self.plan, self._stream, self._settings_with = plan, stream, settings_with
        present = Counter(stream.kinds)
        known = settings_with({}).events.kinds
        self._added: dict[str, Value] = {f"{KIND}{kind}": UNKNOWN_KIND_WEIGHT for kind in present if kind not in known}
        in_force = self._settings({})
        weights = in_force.events.kinds
        wished = plan.scored or in_force.learning.objective
        self.scored = _scored(wished, [kind for kind in present if weights[kind] > 0])
        anchor = max(self.scored, key=lambda kind: (weights[kind], present[kind]))
        taught = sorted(kind for kind in present if weights[kind] != 0)
        self.space: Space = space_of(in_force, taught, self.scored, anchor, plan.names)
        self.searched = _searched(plan, len(stream))
        self._done = 0  # events of all passes

    def _settings(self, chosen: Mapping[str, Value]) -> Settings:
        return self._settings_with({**self._added, **chosen})

    def identity(self) -> dict[str, Any]:
        """By what a study is known again."""
        plan = {name: value for name, value in asdict(self.plan).items() if name not in ("trials", "study")}
        settings = self._settings({}).model_dump(mode="json")
        return {
            "events": _digest(self._stream.slice(0, self.searched)),
            **plan,
            "choices": self.space.choices,
            "settings": {name: settings[name] for name in ("events", "learning", "experts", "memory")},
        }

    def run(self, hearing: Hearing) -> dict[str, Any]:
        """Searches, confirms, and gives the figures."""
        begin = time.perf_counter()
        with opened(self.plan.study, self.space, self.identity(), self.plan.seed) as search:
            trials = self._search(search, hearing)
        best = max((trial for trial in trials if not trial.is_pruned), key=lambda trial: (trial.value, -trial.number))
        changed = {name: value for name, value in best.chosen.items() if value != self.space.in_force[name]}
        return {
            "metric": self.plan.metric,
            "scored_kinds": sorted(self.scored),
            "events": {"searched": self.searched, "later": len(self._stream) - self.searched},
            "choices": self.space.choices,
            "trials": [asdict(trial) for trial in trials],
            "in_force": {"value": trials[0].value, "settings": self.space.in_force},
            "best": {"number": best.number, "value": best.value, "settings": best.chosen},
            "confirmed": self._confirmed(changed, hearing) if changed else None,
            "to_write": as_settings({**self._added, **changed}) if changed else {},
            "seconds": round(time.perf_counter() - begin, 1),
        }

    def _search(self, search: Search, hearing: Hearing) -> list[Ended]:
        stream = self._stream.slice(0, self.searched)
        counted = of_kinds(stream, self.scored)

        def measure(chosen: Mapping[str, Value], report: Report) -> float:
            found = self._pass(chosen, stream, counted, self._both(report, hearing, len(stream)))
            return _known(found.mean(self.plan.metric))

        def after(trial: Ended) -> None:
            self._done = trial.number * len(stream)
            hearing.events(self._done)
            hearing.trial(trial)

        self._done = len(search.ended()) * len(stream)
        search.run(self.plan.trials, measure, after)
        return search.ended()[: self.plan.trials]

    def _confirmed(self, changed: Mapping[str, Value], hearing: Hearing) -> dict[str, Any]:
        """Both over the whole stream; the events after the searched part count."""
        later = of_kinds(self._stream, self.scored) & (np.arange(len(self._stream)) >= self.searched)

        def passed(chosen: Mapping[str, Value]) -> tuple[Pass, float]:
            begin = time.perf_counter()
            report = self._both(lambda block, value: None, hearing, len(self._stream))
            found = self._pass(chosen, self._stream, later, report)
            self._done += len(self._stream)
            return found, round(time.perf_counter() - begin, 1)

        (in_force, seconds), (tuned, tuned_seconds) = passed({}), passed(changed)
        gain = gain_of(in_force, tuned, self.plan.metric)
        return {**gain, "seconds": {"in_force": seconds, "tuned": tuned_seconds}}

    def _pass(self, chosen: Mapping[str, Value], stream: Interactions, counted: Bools, report: Report) -> Pass:
        settings = self._settings(chosen)
        aim = aimed(weighed(stream, settings.events.kinds), settings.learning.objective)
        return run_pass(aim, recommender_options(settings), counted, self.plan.metric, report)

    def _both(self, report: Report, hearing: Hearing, events: int) -> Report:
        def told(block: int, value: float) -> None:
            hearing.events(self._done + events * block // BLOCKS)
            report(block, value)

        return told

    @property
    def events_of_all_passes(self) -> int:
        """What `hearing.events` counts up to, if no trial is pruned."""
        return self.plan.trials * self.searched + 2 * len(self._stream)


def _searched(plan: Plan, events: int) -> int:
    searched = plan.events or round(plan.share * events)
    if not BLOCKS <= searched < events:
        raise ConfigurationError(
            f"{searched} of {events} events cannot be searched",
            f"search {BLOCKS} or more, and leave some to see whether the gain holds",
        )
    return searched


def _known(value: float) -> float:
    if isnan(value):
        raise ConfigurationError(
            "no event of the searched part counts: none has an item that came before and a user who could be shown it",
            "search more events, or score other kinds",
        )
    return value


def _scored(wished: Collection[str], able: Collection[str]) -> frozenset[str]:
    if not able:
        raise ConfigurationError("no event teaches by a weight above 0", "give its kind one: --set events.kinds.KIND=1")
    absent = sorted(set(wished) - set(able))
    if absent:
        raise ConfigurationError(
            f"no event of kind {' or '.join(absent)} can count",
            f"of a weight above 0 are {', '.join(map(repr, sorted(able)))}",
        )
    return frozenset(wished or able)


def _digest(stream: Interactions) -> str:
    digest = hashlib.sha256(json.dumps([list(stream.users), list(stream.items), list(stream.kinds)]).encode())
    digest.update(np.ascontiguousarray(stream.times_ms).tobytes())
    return digest.hexdigest()
