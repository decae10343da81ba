"""Interventions: what people decide about lists, by item id, whatever the models say."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Interventions:
    """Decisions that hold for all lists, or for those of one user.

    Attributes:
        blocked: items that stand in no list.
        lifts: what is added to an item's score, in log-odds: above 0 it rises, below 0 it sinks.
        pins: items that stand at a place, from 1, where they may be shown and the user has not rejected them.
    """

    blocked: frozenset[str] = frozenset()
    lifts: Mapping[str, float] = field(default_factory=dict)
    pins: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.blocked or self.lifts or self.pins)


NO_INTERVENTIONS = Interventions()
