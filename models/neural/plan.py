"""TrainingPlan: all that decides, beside the data, what a training leads to."""

from dataclasses import dataclass

from models.neural.encoders.encoder import EncoderConfig


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
