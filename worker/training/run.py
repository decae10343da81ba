"""One training, from a stream of events to a folder with the model, by way of checkpoints."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Int8s, Interactions
from models.neural.encoders.encoder import EncoderConfig
from models.neural.histories import TEST, VALIDATION, Histories, by_time, by_users, histories_of, leave_one_out
from models.neural.network import MODELS, NCF
from models.neural.objectives import SOFTMAX
from models.neural.offline import Report, Trainer, device_of_machine, training_events
from models.neural.plan import TrainingPlan
from worker.errors import ConfigurationError, StateError
from worker.training.card import model_card
from worker.training.folder import make_folder, read_checkpoint, write_checkpoint, write_model

FULL_SOFTMAX_ITEMS = 10_000
FITS_NOT = (KeyError, TypeError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Split:
    """Which events are held out.

    Attributes:
        leave_one_out: each user's last one tests, the last but one validates.
        test_users: all events of these users test; None = no such choice.
        validation_share: of the events, validates; test_share: of the events, tests, where neither choice was made.
    """

    leave_one_out: bool = False
    test_users: frozenset[str] | None = None
    validation_share: float = 0.1
    test_share: float = 0.1

    def parts(self, stream: Interactions) -> Int8s:
        """(n,) of the events."""
        if self.leave_one_out:
            return leave_one_out(stream)
        if self.test_users is not None:
            return by_users(stream, self.test_users, self.validation_share)
        return by_time(stream, self.validation_share, self.test_share)

    def __str__(self) -> str:
        if self.leave_one_out:
            return "Each user's last event tests, the last but one validates."
        if self.test_users is not None:
            return "All events of chosen users test; of the others' events the last ones of the stream validate."
        return "By the order of the stream: training, then validation, then test."


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller chose of a plan; None = by the model and the data. `sizes` are those of the encoder, by name."""

    model: str
    sizes: Mapping[str, Any]
    head: str | None = None
    objective: str | None = None
    optimiser: str = "adam"
    rate: float = 0.001
    l2: float = 0.0
    seed: int = 0

    def plan(self, items: int) -> TrainingPlan:
        """NCF as its paper has it; else dot products, and a softmax over all items where they are not too many."""
        if self.model not in MODELS:
            raise ConfigurationError(f"unknown model {self.model}", f"there are {', '.join(MODELS)}")
        try:
            encoder = EncoderConfig(**self.sizes)
        except ValueError as error:
            raise ConfigurationError(str(error), "choose other sizes") from error
        is_ncf = self.model == NCF
        objective = "bce" if is_ncf else SOFTMAX if items <= FULL_SOFTMAX_ITEMS else "sampled-softmax"
        return TrainingPlan(
            model=self.model,
            encoder=encoder,
            head=self.head or ("mlp" if is_ncf else "dot"),
            objective=self.objective or objective,
            optimiser=self.optimiser,
            rate=self.rate,
            l2=self.l2,
            seed=self.seed,
        )


def train(
    stream: Interactions,
    files: Sequence[str],
    split: Split,
    wishes: Wishes,
    folder: Path,
    *,
    epochs: int,
    seen_excluded: bool | None = None,
    report: Callable[[Report], None] = lambda report: None,
) -> dict[str, Any]:
    """Trains, or goes on from the folder's checkpoint, tests, writes the model, and gives the figures.

    `seen_excluded` None = as the data has it. Raises ConfigurationError where the events do not suffice or training
    diverges, StateError for a checkpoint that is altered or of another training.
    """
    histories = _enough(histories_of(stream, split.parts(stream)))
    plan = wishes.plan(len(histories.item_ids))
    excluded = histories.seen_excluded if seen_excluded is None else seen_excluded
    trainer = Trainer(plan, histories, seen_excluded=excluded, device=device_of_machine())
    make_folder(folder)
    identity = {**asdict(plan), "seen_excluded": excluded, "data": _digest(histories)}
    _resume(trainer, folder, identity)
    begin = time.perf_counter()
    steps_before = trainer.position.steps
    try:
        trainer.run(epochs, report, lambda: _save(trainer, folder, identity))
    except FloatingPointError as error:
        raise ConfigurationError(
            f"training diverged: {error}", "choose a lower --rate, and another --out or no checkpoint there"
        ) from error
    trained = time.perf_counter()
    figures = _figures(trainer, files, split)
    figures["training_seconds"] = round(trained - begin, 1)
    figures["steps_per_second"] = round((trainer.position.steps - steps_before) / (trained - begin), 2)
    figures["test_seconds"] = round(time.perf_counter() - trained, 1)
    _write_model(trainer, folder, figures)
    return figures


def _enough(histories: Histories) -> Histories:
    for part, name in ((VALIDATION, "validate"), (TEST, "test")):
        if not len(histories.held_out(part)):
            raise ConfigurationError(
                f"no event is left to {name}: none that is held out has a history",
                "give more events, or split otherwise",
            )
    if not len(histories.item_ids) or training_events(histories) == len(np.unique(histories.users)):
        raise ConfigurationError("no user has two events to train on", "give more events, or hold out less")
    return histories


def _digest(histories: Histories) -> str:
    digest = hashlib.sha256(json.dumps([histories.item_ids, histories.user_ids]).encode())
    for column in (histories.items, histories.users, histories.parts):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _resume(trainer: Trainer, folder: Path, identity: Mapping[str, Any]) -> None:
    found = read_checkpoint(folder)
    if found is None:
        return
    arrays, facts = found
    theirs = facts.get("identity", {})
    differing = [name for name, value in identity.items() if theirs.get(name) != value]
    if differing:
        raise StateError(
            f"the checkpoint in {folder} is of another training: it differs in {', '.join(differing)}",
            "name another folder with --out, or give the data and options that it was made with",
        )
    try:
        trainer.restore(arrays, facts["position"])
    except FITS_NOT as error:
        raise StateError(f"the checkpoint in {folder} does not fit: {error}", "remove it to train anew") from error


def _save(trainer: Trainer, folder: Path, identity: Mapping[str, Any]) -> None:
    arrays, position = trainer.state()
    write_checkpoint(folder, arrays, {"identity": identity, "position": position})


def _figures(trainer: Trainer, files: Sequence[str], split: Split) -> dict[str, Any]:
    histories, position = trainer.histories, trainer.position
    places = histories.held_out(TEST)
    known = len(histories.item_ids)
    return {
        "model": trainer.plan.model,
        "device": trainer.network.items.device.type,
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "epochs": position.epoch,
        "best_epoch": position.best_epoch,
        "steps": position.steps,
        "steps_dropped": position.dropped,
        "seen_excluded": trainer.seen_excluded,
        "data": {
            "files": list(files),
            "split": str(split),
            "events": len(histories.items),
            "users": len(histories.user_ids),
            "items": known,
            "training": training_events(histories),
            "validation": len(histories.held_out(VALIDATION)),
            "test": len(places),
        },
        "validation": position.best,
        "test": {
            "events": len(places),
            "unknown": int((histories.items[places] >= known).sum()),
            **rank_metrics(trainer.ranks(places)),
        },
        "history": position.epochs,
    }


def _write_model(trainer: Trainer, folder: Path, figures: Mapping[str, Any]) -> None:
    arrays, _ = trainer.state()
    model = {name.removeprefix("model/"): array for name, array in arrays.items() if name.startswith("model/")}
    plan = asdict(trainer.plan)
    config = {"plan": plan, "items": trainer.histories.item_ids, "figures": figures}
    if trainer.plan.model == NCF:
        config["users"] = trainer.histories.user_ids
    write_model(folder, model, config, model_card(figures, plan))
