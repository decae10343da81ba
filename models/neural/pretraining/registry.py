"""The goals of pre-training by name."""

from collections.abc import Callable, Mapping

from models.neural.goal import Goal
from models.neural.histories import Histories
from models.neural.plan import TrainingPlan
from models.neural.pretraining.contrastive import Contrastive
from models.neural.pretraining.masked import Masked

PRETRAINING: Mapping[str, Callable[[TrainingPlan, Histories, str], Goal]] = {
    "masked": Masked,
    "contrastive": Contrastive,
}
