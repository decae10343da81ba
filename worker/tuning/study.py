"""The study: trials that optuna proposes, each kept as soon as it ends; one that was broken off is begun again.

Each proposal is seeded by the number of trials that ended before it, so that a study which was killed and goes on
makes the same trials as one that was not.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from worker.errors import ConfigurationError, StateError
from worker.tuning.passes import Report
from worker.tuning.space import Space, Value

NAME = "millrace"
IDENTITY = "identity"
VERSION = 1
SQLITE = b"SQLite format 3\x00"
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
RANDOM_TRIALS = 8  # before the sampler models what it saw; those in force are one of them
FEWEST_BEFORE_PRUNING, BLOCKS_BEFORE_PRUNING = 4, 2

Measure = Callable[[Mapping[str, Value], Report], float]


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial: its number, from 1, what it chose, and its figure; of one that was pruned, the figure by then."""

    number: int
    chosen: dict[str, Value]
    value: float
    is_pruned: bool


class Pruned(Exception):
    """The trial is worse than most were by then."""


@contextmanager
def opened(file: Path | None, space: Space, identity: Mapping[str, Any], seed: int) -> Iterator["Search"]:
    """A study in an SQLite file, or, without one, in memory.

    Raises StateError for a file of something else, or of another search; ConfigurationError while another process
    works on it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if file is None:
        yield Search(_made(None, identity), space, seed)
        return
    if not file.absolute().parent.is_dir():
        raise ConfigurationError(f"--study {file}: there is no folder {file.parent}", "make it, or name another")
    try:
        with FileLock(f"{file}.lock", timeout=0):
            yield Search(_made(file, identity), space, seed)
    except Timeout as error:
        raise ConfigurationError(f"another process works on {file}", "wait for its end, or name another") from error


def _made(file: Path | None, identity: Mapping[str, Any]) -> optuna.Study:
    if file and file.exists() and file.read_bytes()[: len(SQLITE)] not in (b"", SQLITE):
        raise StateError(f"{file} is no study: it is no SQLite file", "name another file with --study")
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{file.absolute()}") if file else None
        study = optuna.create_study(storage=storage, study_name=NAME, direction="maximize", load_if_exists=True)
    except Exception as error:  # of optuna, and of what it stands on
        raise StateError(f"{file} holds no study: {error}", "name another file with --study") from error
    ours = json.loads(json.dumps({**identity, "version": VERSION}))
    theirs = study.user_attrs.get(IDENTITY)
    if theirs is None and not study.trials:
        study.set_user_attr(IDENTITY, ours)
    elif theirs != ours:
        differing = [name for name in ours if (theirs or {}).get(name) != ours[name]]
        raise StateError(
            f"the study in {file} is of another search: it differs in {', '.join(differing)}",
            "name another file with --study, or give the events and options that it was made with",
        )
    return study


class Search:
    """A study at work."""

    def __init__(self, study: optuna.Study, space: Space, seed: int) -> None:
        self._study, self._space, self._seed = study, space, seed
        self._study.pruner = optuna.pruners.MedianPruner(FEWEST_BEFORE_PRUNING, BLOCKS_BEFORE_PRUNING)

    def ended(self) -> list[Ended]:
        """Trials in their order."""
        return [self._ended(place, trial) for place, trial in enumerate(self._frozen(), start=1)]

    def run(self, trials: int, measure: Measure, after: Callable[[Ended], None]) -> None:
        """Goes on until so many trials have ended; `after` hears of each of them, from this run, as it ends."""
        for broken in self._study.get_trials(states=(TrialState.RUNNING,)):
            self._study.tell(broken.number, state=TrialState.FAIL)
        while len(before := self._frozen()) < trials:
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=RANDOM_TRIALS, seed=self._seed * 1_000_003 + len(before)
            )
            if not before and not self._study.get_trials(states=(TrialState.WAITING,)):
                self._study.enqueue_trial(self._places(self._space.in_force))
            self._try(self._study.ask(), before, measure)
            after(self.ended()[-1])

    def _try(self, trial: Trial, before: list[FrozenTrial], measure: Measure) -> None:
        chosen = self._propose(trial)
        same = next((each for each in before if each.params == trial.params), None)
        if same is not None:  # the same settings give the same figures
            for block, value in same.intermediate_values.items():
                trial.report(value, block)
            self._study.tell(trial, same.value if same.state == TrialState.COMPLETE else None, same.state)
            return
        try:
            value = measure(chosen, lambda block, value: _report(trial, block, value))
        except Pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, value)

    def _propose(self, trial: Trial) -> dict[str, Value]:
        chosen: dict[str, Value] = {}
        for name, choices in self._space.choices.items():
            if self._space.is_of_effect(name, chosen):
                if isinstance(choices[0], int | float) and not isinstance(choices[0], bool):
                    chosen[name] = choices[trial.suggest_int(name, 0, len(choices) - 1)]
                else:
                    chosen[name] = trial.suggest_categorical(name, choices)
        return chosen

    def _places(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What optuna calls the values: ordered ones by their place among the choices."""
        return {
            name: value if isinstance(value, bool | str) else self._space.choices[name].index(value)
            for name, value in values.items()
        }

    def _frozen(self) -> list[FrozenTrial]:
        frozen: list[FrozenTrial] = self._study.get_trials(deepcopy=False, states=ENDED)
        return frozen

    def _ended(self, number: int, trial: FrozenTrial) -> Ended:
        choices = self._space.choices
        chosen = {
            name: value if isinstance(value, bool | str) else choices[name][value]
            for name, value in trial.params.items()
        }
        is_pruned = trial.state == TrialState.PRUNED
        value = trial.intermediate_values[max(trial.intermediate_values)] if is_pruned else trial.value
        return Ended(number, chosen, float("nan") if value is None else value, is_pruned)


def _report(trial: Trial, block: int, value: float) -> None:
    if not isnan(value):  # else nothing was scored by then
        trial.report(value, block)
        if trial.should_prune():
            raise Pruned
