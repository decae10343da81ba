"""TrainingPlan: all that decides, beside the data, what a training leads to."""

from dataclasses import dataclass

from models.neural.encoders.encoder import EncoderConfig


@dataclass(frozen=True, slots=True)
class TasksPlan:
    """Which tasks one encoder has.

    Attributes:
        ranking: "next", one head for events of any kind; "kinds", a head for each kind; None = no item is to be ranked.
        values: a name of `tasks.values.VALUE_LOSSES`, by which values that events state are learned; None = not at all.
        liked_from: the least value of an event that its user liked, where "bce" learns that.
        towers: a name of `tasks.towers.TOWERS`.
        experts: of the towers that mix them.
        balance: a name of `tasks.balance.BALANCES`.
    """

    ranking: str | None = "kinds"
    values: str | None = None
    liked_from: float | None = None
    towers: str = "shared-bottom"
    experts: int = 4
    balance: str = "uncertainty"


@dataclass(frozen=True, slots=True)
class PretrainingPlan:
    """What comes before training: `task`, a name of `pretraining.registry.PRETRAINING`, for so many epochs."""

    task: str
    epochs: int


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How a model is made and trained.

    Attributes:
        model: a name of `network.MODELS`, head: of `heads.HEADS`, objective: of `objectives.OBJECTIVES`, optimiser: of
            `optimisers.OPTIMISERS`.
        encoder: its sizes.
        rate: learning rate, which rises evenly over the first `warmup_steps`.
        l2: weight of the parameters' squares.
        batch_histories: histories a step.
        negatives: items drawn a step for all its examples, where the objective draws.
        patience_epochs: after so many without a better validation, training ends.
        seed: of all that is drawn.
        augment: names of `views.VIEWS`, in one of which half of the histories train.
        adversarial: how far items' vectors move against the loss, which is to stay low there too; 0 = not at all.
        tasks: where there are others than the next item of any kind.
        pretraining: where there is any.
    """

    model: str
    encoder: EncoderConfig
    head: str
    objective: str
    optimiser: str = "adam"
    rate: float = 0.001
    l2: float = 0.0
    warmup_steps: int = 100
    batch_histories: int = 64
    negatives: int = 256
    patience_epochs: int = 5
    seed: int = 0
    augment: tuple[str, ...] = ()
    adversarial: float = 0.0
    tasks: TasksPlan | None = None
    pretraining: PretrainingPlan | None = None
