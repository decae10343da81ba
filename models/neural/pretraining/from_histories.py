"""What goals of pre-training share: a network whose users are histories, and whole histories to train on."""

from typing_extensions import override

from models.neural.goal import Goal
from models.neural.histories import Histories, windows
from models.neural.network import SequenceNetwork
from models.neural.next_item import new_sequence_network
from models.neural.plan import TrainingPlan


class FromHistories(Goal):
    """A goal of which the network goes on to the training."""

    network: SequenceNetwork

    def __init__(self, plan: TrainingPlan, histories: Histories, device: str = "cpu") -> None:
        self.plan, self.histories = plan, histories
        self.network = new_sequence_network(plan, histories)
        self.network.to(device)
        self.windows = windows(histories, plan.encoder.length)[:, :-1]

    @property
    @override
    def base(self) -> SequenceNetwork:
        return self.network
