"""What a caller chooses of a training: which events are held out, and how the model is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.batch import Int8s, Interactions
from models.neural.encoders.encoder import EncoderConfig
from models.neural.histories import by_time, by_users, leave_one_out
from models.neural.network import MODELS, NCF
from models.neural.objectives import SOFTMAX
from models.neural.plan import PretrainingPlan, TasksPlan, TrainingPlan
from models.neural.tasks.goal import KINDS, NEXT
from models.neural.tasks.values import BCE
from models.neural.views import VIEWS
from worker.errors import ConfigurationError

FULL_SOFTMAX_ITEMS = 10_000
VALUES = "values"


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


def tasks_plan(
    names: Sequence[str], value_loss: str, liked_from: float | None, towers: str, experts: int, balance: str
) -> TasksPlan | None:
    """Of tasks by name; None for the next item alone. Raises ConfigurationError for names that do not go together."""
    unknown = sorted(set(names) - {NEXT, KINDS, VALUES})
    if unknown:
        raise ConfigurationError(f"unknown task {unknown[0]}", f"there are {NEXT}, {KINDS}, {VALUES}")
    if {NEXT, KINDS} <= set(names):
        raise ConfigurationError(f"tasks {NEXT} and {KINDS} rank the same events", "name one of them")
    if value_loss == BCE and VALUES in names and liked_from is None:
        raise ConfigurationError("bce learns which events are liked, of which nothing is known", "give --liked-from")
    if set(names) <= {NEXT}:
        return None
    ranking = next((name for name in (NEXT, KINDS) if name in names), None)
    return TasksPlan(ranking, value_loss if VALUES in names else None, liked_from, towers, experts, balance)


def pretraining_plan(task: str | None, epochs: int) -> PretrainingPlan | None:
    """None where no task is named."""
    return None if task is None else PretrainingPlan(task, epochs)


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
    warmup_steps: int = 100
    batch_histories: int = 64
    negatives: int = 256
    patience_epochs: int = 5
    tasks: TasksPlan | None = None
    augment: Sequence[str] = ()
    adversarial: float = 0.0
    pretraining: PretrainingPlan | None = None

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
            warmup_steps=self.warmup_steps,
            batch_histories=self.batch_histories,
            negatives=self.negatives,
            patience_epochs=self.patience_epochs,
            augment=self._augment(),
            adversarial=self.adversarial,
            tasks=self.tasks,
            pretraining=self.pretraining,
        )

    def _augment(self) -> tuple[str, ...]:
        """Raises ConfigurationError for views that do not exist, or of histories that the model does not read."""
        unknown = sorted(set(self.augment) - VIEWS.keys())
        if unknown:
            raise ConfigurationError(f"unknown view {unknown[0]}", f"there are {', '.join(VIEWS)}")
        if self.model == NCF and (self.augment or self.pretraining):
            raise ConfigurationError(
                f"{NCF} reads no histories", "choose another --model, or no --augment and --pretrain"
            )
        return tuple(sorted(self.augment))
