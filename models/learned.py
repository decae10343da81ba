"""What learning a batch did, for whoever asked for it."""

from dataclasses import dataclass

from models.batch import Int32s
from models.foresight import Trainings
from models.learning import Served, Surprises


@dataclass(frozen=True, slots=True)
class Learned:
    """What learning a batch of n events did.

    Attributes:
        users: (n,) int32, rows of the users in the shard, valid after the whole batch; -1 = forgotten again since.
        served: how the published lists fared.
        surprises: how well the events were foreseen.
        renewals: how often the learning rates rose.
        trainings: what became of trainings of the sequence expert.
        forgotten_users: ids that made room for others.
    """

    users: Int32s
    served: Served
    surprises: Surprises
    renewals: int
    trainings: Trainings
    forgotten_users: list[str]
