"""One training, from a stream of events to a folder with the model, by way of checkpoints."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.batch import Interactions
from models.neural.goal import Goal
from models.neural.histories import TEST, VALIDATION, Histories, histories_of
from models.neural.network import NCF
from models.neural.next_item import NextItem
from models.neural.offline import Trainer, device_of_machine
from models.neural.plan import PretrainingPlan, TrainingPlan
from models.neural.pretraining.registry import PRETRAINING
from models.neural.tasks.goal import MultiTask
from worker.errors import ConfigurationError
from worker.training.card import model_card
from worker.training.choices import Split, Wishes
from worker.training.folder import CHECKPOINT, PRETRAINING_CHECKPOINT, make_folder, write_model
from worker.training.stage import Stage
from worker.training.watcher import Watcher


def train(
    stream: Interactions,
    files: Sequence[str],
    split: Split,
    wishes: Wishes,
    folder: Path,
    *,
    epochs: int,
    watcher: Watcher,
    seen_excluded: bool | None = None,
) -> dict[str, Any]:
    """Trains, or goes on from the folder's checkpoints, tests, writes the model, and gives the figures.

    `seen_excluded` None = as the data has it. Raises ConfigurationError where the events do not suffice or training
    diverges, StateError for a checkpoint that is altered or of another training.
    """
    histories = _enough(histories_of(stream, split.parts(stream)))
    plan = wishes.plan(len(histories.item_ids))
    excluded = histories.seen_excluded if seen_excluded is None else seen_excluded
    trainer = Trainer(plan, _goal(plan, histories, excluded), histories.with_history(VALIDATION))
    make_folder(folder)
    identity = json.loads(json.dumps({**asdict(plan), "seen_excluded": excluded, "data": _digest(histories)}))
    stage = Stage("training", trainer, folder / CHECKPOINT, identity)
    stage.resume()
    pretraining = _pretrain(stage, plan.pretraining, histories, folder, watcher) if plan.pretraining else None
    begin = time.perf_counter()
    steps_before = trainer.position.steps
    stage.run(epochs, watcher)
    trained = time.perf_counter()
    figures = _figures(trainer, histories, files, split) | {"seen_excluded": excluded, "pretraining": pretraining}
    figures["training_seconds"] = round(trained - begin, 1)
    figures["steps_per_second"] = round((trainer.position.steps - steps_before) / (trained - begin), 2)
    figures["test_seconds"] = round(time.perf_counter() - trained, 1)
    _write_model(trainer, histories, folder, figures)
    return figures


def _pretrain(
    training: Stage, wanted: PretrainingPlan, histories: Histories, folder: Path, watcher: Watcher
) -> list[float]:
    """The losses of its epochs. Its network goes to the training, where that has not begun."""
    plan = training.trainer.plan
    goal = PRETRAINING[wanted.task](plan, histories, device_of_machine())
    trainer = Trainer(plan, goal, histories.with_history(VALIDATION))
    stage = Stage("pre-training", trainer, folder / PRETRAINING_CHECKPOINT, training.identity)
    stage.resume()
    stage.run(wanted.epochs, watcher)
    if not training.trainer.position.steps:
        training.trainer.goal.base.load_state_dict(goal.base.state_dict())
    return [epoch["loss"] for epoch in trainer.position.epochs]


def _goal(plan: TrainingPlan, histories: Histories, seen_excluded: bool) -> Goal:
    if plan.tasks is None:
        return NextItem(plan, histories, seen_excluded=seen_excluded, device=device_of_machine())
    try:
        return MultiTask(plan, plan.tasks, histories, seen_excluded=seen_excluded, device=device_of_machine())
    except ValueError as error:
        raise ConfigurationError(str(error), "choose other --tasks, or give other events") from error


def _enough(histories: Histories) -> Histories:
    for part, name in ((VALIDATION, "validate"), (TEST, "test")):
        if not len(histories.with_history(part)):
            raise ConfigurationError(
                f"no event is left to {name}: none that is held out has a history",
                "give more events, or split otherwise",
            )
    if not len(histories.item_ids) or histories.training_events == len(np.unique(histories.users)):
        raise ConfigurationError("no user has two events to train on", "give more events, or hold out less")
    return histories


def _digest(histories: Histories) -> str:
    digest = hashlib.sha256(json.dumps([histories.item_ids, histories.user_ids, histories.kind_names]).encode())
    for column in (histories.items, histories.users, histories.parts, histories.kinds, histories.values):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _figures(trainer: Trainer, histories: Histories, files: Sequence[str], split: Split) -> dict[str, Any]:
    position, network = trainer.position, trainer.goal.network
    places = histories.with_history(TEST)
    known = len(histories.item_ids)
    return {
        "model": trainer.plan.model,
        "device": trainer.goal.device.type,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "epochs": position.epoch,
        "best_epoch": position.best_epoch,
        "steps": position.steps,
        "steps_dropped": position.dropped,
        "data": {
            "files": list(files),
            "split": str(split),
            "events": len(histories.items),
            "users": len(histories.user_ids),
            "items": known,
            "training": histories.training_events,
            "validation": len(histories.with_history(VALIDATION)),
            "test": len(places),
        },
        "validation": position.best,
        "test": {
            "events": len(places),
            "unknown": int((histories.items[places] >= known).sum()),
            **trainer.goal.figures(places),
        },
        "history": position.epochs,
    }


def _write_model(trainer: Trainer, histories: Histories, folder: Path, figures: Mapping[str, Any]) -> None:
    arrays, _ = trainer.state()
    model = {name.removeprefix("model/"): array for name, array in arrays.items() if name.startswith("model/")}
    plan = asdict(trainer.plan)
    config = {"plan": plan, "items": histories.item_ids, "kinds": histories.kind_names, "figures": figures}
    if trainer.plan.model == NCF:
        config["users"] = histories.user_ids
    write_model(folder, model, config, model_card(figures, plan))
