"""`millrace train`: a deep model from files of events."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from producers import options as file_options
from worker.commands.evaluate import OfKinds, RepeatsChoice, RepeatsOption, listed, users_in
from worker.commands.options import AsJson
from worker.commands.output import print_json
from worker.errors import ConfigurationError

if TYPE_CHECKING:  # loads torch
    from worker.training.watcher import Watcher

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Parquet, CSV or JSONL files of events, in order.")
]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="sasrec, gru, cnn, pooled or ncf.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the model; a checkpoint there is resumed.")]
Epochs = Annotated[int, typer.Option("--epochs", min=1, help="At most; fewer where validation stops improving.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of all that is drawn.")]
Length = Annotated[int, typer.Option("--length", min=1, help="Items of a history that the model sees.")]
Width = Annotated[int, typer.Option("--width", min=1, help="Of the vectors.")]
Blocks = Annotated[int, typer.Option("--blocks", min=1, help="Layers of the encoder.")]
Heads = Annotated[int, typer.Option("--heads", min=1, help="Of attention.")]
Dropout = Annotated[
    float, typer.Option("--dropout", min=0, max=0.99, help="Share of inner values dropped in training.")
]
Head = Annotated[str | None, typer.Option("--head", help="dot, bilinear or mlp; default: dot, for ncf mlp.")]
ObjectiveOption = Annotated[
    str | None,
    typer.Option("--objective", help="softmax, sampled-softmax, bpr, bce, gbce or mse; default: by model and items."),
]
Optimiser = Annotated[str, typer.Option("--optimiser", help="adam, adamw, sgd or adagrad (row-wise).")]
LearningRate = Annotated[float, typer.Option("--rate", min=0, help="Learning rate.")]
L2 = Annotated[float, typer.Option("--l2", min=0, help="Weight of the parameters' squares.")]
WarmupSteps = Annotated[int, typer.Option("--warmup-steps", min=0, help="Over which the rate rises to the whole.")]
Batch = Annotated[int, typer.Option("--batch", min=1, metavar="HISTORIES", help="Histories a step.")]
Negatives = Annotated[
    int, typer.Option("--negatives", min=1, help="Items drawn a step, where the objective draws: not for softmax.")
]
Patience = Annotated[
    int, typer.Option("--patience", min=1, metavar="EPOCHS", help="Training ends after so many without a better one.")
]
Tasks = Annotated[
    str,
    typer.Option(
        "--tasks",
        metavar="A,B",
        help="next: one head for events of any kind; kinds: a head for each kind; values: tell what events state.",
    ),
]
Towers = Annotated[str, typer.Option("--towers", help="Of the tasks: shared-bottom or mmoe.")]
Experts = Annotated[int, typer.Option("--experts", min=1, help="That the towers of mmoe mix.")]
BalanceOption = Annotated[
    str, typer.Option("--balance", help="Of the tasks' losses: uncertainty (learned weights) or even.")
]
ValueLoss = Annotated[
    str, typer.Option("--value-loss", help="mse: the value itself; bce: whether it is --liked-from or more.")
]
LikedFrom = Annotated[float | None, typer.Option("--liked-from", help="Least value of an event that is liked.")]
Augment = Annotated[
    str | None,
    typer.Option("--augment", metavar="A,B", help="Half of the histories train as views: crop, mask, reorder."),
]
Adversarial = Annotated[
    float,
    typer.Option("--adversarial", min=0, metavar="EPSILON", help="Items' vectors move so far against the loss."),
]
Pretrain = Annotated[
    str | None, typer.Option("--pretrain", help="masked (find hidden items) or contrastive (views of a history).")
]
PretrainEpochs = Annotated[int, typer.Option("--pretrain-epochs", min=1, help="Of --pretrain.")]
TensorBoard = Annotated[
    Path | None,
    typer.Option("--tensorboard", metavar="DIR", help="Write losses and figures there, as TensorBoard reads them."),
]
LeaveOneOut = Annotated[
    bool, typer.Option("--leave-one-out", help="Hold out each user's last two events, not the stream's last.")
]
TestUsers = Annotated[
    Path | None,
    typer.Option("--test-users", metavar="FILE", help="Hold out the events of these users (an id a line)."),
]
Share = Annotated[float, typer.Option("--validation-share", min=0.0, max=0.5, help="Of the events.")]
TestShare = Annotated[float, typer.Option("--test-share", min=0.0, max=0.5, help="Of the events.")]


def train(
    files: Files,
    out: Out,
    model: Model = "sasrec",
    epochs: Epochs = 50,
    seed: Seed = 0,
    length: Length = 50,
    width: Width = 64,
    blocks: Blocks = 2,
    heads: Heads = 1,
    dropout: Dropout = 0.2,
    head: Head = None,
    objective: ObjectiveOption = None,
    optimiser: Optimiser = "adam",
    rate: LearningRate = 0.001,
    l2: L2 = 0.0,
    warmup_steps: WarmupSteps = 100,
    batch: Batch = 64,
    negatives: Negatives = 256,
    patience: Patience = 5,
    tasks: Tasks = "next",
    towers: Towers = "shared-bottom",
    experts: Experts = 4,
    balance: BalanceOption = "uncertainty",
    value_loss: ValueLoss = "mse",
    liked_from: LikedFrom = None,
    augment: Augment = None,
    adversarial: Adversarial = 0.0,
    pretrain: Pretrain = None,
    pretrain_epochs: PretrainEpochs = 10,
    leave_one_out: LeaveOneOut = False,
    test_users: TestUsers = None,
    validation_share: Share = 0.1,
    test_share: TestShare = 0.1,
    kinds: OfKinds = None,
    repeats: RepeatsOption = None,
    limit: file_options.Limit = None,
    user_column: file_options.OfUser = None,
    item_column: file_options.OfItem = None,
    time_column: file_options.OfTime = None,
    event_column: file_options.OfEvent = None,
    value_column: file_options.OfValue = None,
    tensorboard: TensorBoard = None,
    as_json: AsJson = False,
) -> None:
    """Train a deep model from history: which item comes next, ranked among all.

    The events train in their order: the stream's last tenth tests and the tenth before it validates, or, as papers have
    it, each user's last two. Training ends when validation has not improved for --patience epochs, and keeps the best.

    The folder gets model.safetensors, config.json, a model card (MODEL.md) and, after each epoch and each 500 steps,
    a checkpoint. The same command goes on from it after a kill, to the same model. A step that is not finite is dropped
    and halves the learning rate. Runs on CUDA where there is one.
    """
    if leave_one_out and test_users:
        raise ConfigurationError("two choices of what to hold out", "give --leave-one-out or --test-users")
    chosen = users_in(test_users)
    sizes = {"width": width, "length": length, "blocks": blocks, "heads": heads, "dropout": dropout}
    _check("head", head, "dot, bilinear, mlp")
    _check("objective", objective, "softmax, sampled-softmax, bpr, bce, gbce, mse")
    _check("optimiser", optimiser, "adam, adamw, sgd, adagrad")
    _check("towers", towers, "shared-bottom, mmoe")
    _check("balance", balance, "uncertainty, even")
    _check("pre-training", pretrain, "masked, contrastive")
    _check("value loss", value_loss, "mse, bce")
    from producers.readers import ColumnNames
    from worker.offline import Selection, read_streams
    from worker.training import choices, run  # load torch

    several = choices.tasks_plan(listed(tasks), value_loss, liked_from, towers, experts, balance)
    names = ColumnNames(user_column, item_column, time_column, event_column, value_column)
    stream = read_streams(files, names, Selection(frozenset(listed(kinds)), limit))
    wishes = choices.Wishes(
        model,
        sizes,
        head=head,
        objective=objective,
        optimiser=optimiser,
        rate=rate,
        l2=l2,
        seed=seed,
        warmup_steps=warmup_steps,
        batch_histories=batch,
        negatives=negatives,
        patience_epochs=patience,
        tasks=several,
        augment=listed(augment),
        adversarial=adversarial,
        pretraining=choices.pretraining_plan(pretrain, pretrain_epochs),
    )
    split = choices.Split(leave_one_out, chosen, validation_share, test_share)
    excluded = {RepeatsChoice.ALLOW: False, RepeatsChoice.EXCLUDE: True}.get(repeats or RepeatsChoice.AUTO)
    with _watched(tensorboard) as watcher:
        figures = run.train(
            stream,
            [file.name for file in files],
            split,
            wishes,
            out,
            epochs=epochs,
            seen_excluded=excluded,
            watcher=watcher,
        )
    if as_json:
        print_json(figures)
    else:
        _print(out, figures)


def _check(option: str, value: str | None, choices: str) -> None:
    if value is not None and value not in choices.split(", "):
        raise ConfigurationError(f"unknown {option} {value}", f"there are {choices}")


@contextmanager
def _watched(event_log: Path | None) -> Iterator["Watcher"]:
    """A bar for terminals, gone at the end, and a log for TensorBoard where a folder is given."""
    from worker.training.bar import training_bar  # loads torch
    from worker.training.watcher import Watchers

    with training_bar() as bar:
        watchers = Watchers([bar] if event_log is None else [bar, _event_log(event_log)])
        try:
            yield watchers
        finally:
            watchers.ends()


def _event_log(folder: Path) -> "Watcher":
    try:
        from worker.training.event_log import EventLog  # the optional extra `tensorboard`
    except ImportError as error:
        raise ConfigurationError(
            f"what writes logs for TensorBoard is not installed: {error}", "pip install 'millrace[tensorboard]'"
        ) from error
    return EventLog(folder)


def _print(out: Path, figures: dict[str, Any]) -> None:
    console = Console(highlight=False)
    data, test = figures["data"], figures["test"]
    console.print(
        f"{figures['model']}: {data['training']:,} events trained, {figures['epochs']} epochs, the best the "
        f"{figures['best_epoch']}.; {figures['training_seconds']} s ({figures['steps_per_second']} steps/s) on "
        f"{figures['device']}; {test['unknown']:,} of {test['events']:,} test events are of items that are new",
        markup=False,
        soft_wrap=True,
    )
    from worker.training.card import NAMES, measured, told

    table = Table("", *NAMES.values(), box=None, header_style="bold")
    for name, values in measured(figures):
        table.add_row(name, *(f"{values[key]:.4f}" for key in NAMES))
    if table.row_count:
        console.print(table)
    for sentence in told(figures):
        console.print(sentence, markup=False, soft_wrap=True)
    console.print(f"the model is in {out}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog="Example: millrace train events.parquet --model sasrec --leave-one-out --out model")(train)
