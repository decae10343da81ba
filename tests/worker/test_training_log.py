"""The log of a training for TensorBoard, read with TensorBoard's own reader."""

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models.neural.offline import Report
from worker.commands import train
from worker.errors import ConfigurationError
from worker.training.event_log import STEPS_BETWEEN_LOSSES, EventLog

EPOCH = 50  # steps


def written(log: EventLog, stage: str, first: int, last: int) -> None:
    """Steps `first` to `last`, and an epoch after each 50; the loss is the step, NDCG@10 a thousandth of it."""
    for step in range(first, last + 1):
        epoch, in_epoch = divmod(step - 1, EPOCH)
        log.stepped(stage, 10, Report(epoch + 1, in_epoch + 1, EPOCH, float(step), 0.0))
        if step % EPOCH == 0:
            figures = {"loss": float(step), "ndcg_at_10": step / 1000, "kinds": {"buy": {"events": 3}}}
            log.closed_epoch(stage, step, figures)


def scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    found = EventAccumulator(str(folder)).Reload()
    return [(event.step, round(event.value, 6)) for event in found.Scalars(tag)]


def test_losses_and_figures_stand_at_their_steps_in_a_run_for_each_stage(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for stage, steps in (("pre-training", 50), ("training", 100)):
        log.begins(stage, 0)
        written(log, stage, 1, steps)
    log.ends()
    assert scalars(tmp_path / "training", "loss") == [(step, step) for step in (20, 40, 60, 80, 100)]
    assert scalars(tmp_path / "training", "epoch/ndcg_at_10") == [(50, 0.05), (100, 0.1)]
    assert scalars(tmp_path / "training", "epoch/kinds/buy/events") == [(50, 3), (100, 3)]
    assert scalars(tmp_path / "pre-training", "loss") == [(20, 20), (40, 40)]
    assert STEPS_BETWEEN_LOSSES == 20


def test_a_training_that_goes_on_takes_back_what_stood_after_its_checkpoint(tmp_path: Path) -> None:
    killed = EventLog(tmp_path)
    killed.begins("training", 0)
    written(killed, "training", 1, 90)
    killed.ends()
    again = EventLog(tmp_path)
    again.begins("training", 50)
    written(again, "training", 51, 100)
    again.ends()
    assert scalars(tmp_path / "training", "loss") == [(step, step) for step in (20, 40, 60, 80, 100)]
    assert scalars(tmp_path / "training", "epoch/ndcg_at_10") == [(50, 0.05), (100, 0.1)]


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "worker.training.event_log")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ConfigurationError, match="what writes logs for TensorBoard is not installed") as refused:
        train._event_log(tmp_path)
    assert refused.value.remedy == "pip install 'millrace[tensorboard]'"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    log = EventLog(tmp_path / "log")
    with pytest.raises(ConfigurationError, match=r"cannot write to .*log"):
        log.begins("training", 0)
