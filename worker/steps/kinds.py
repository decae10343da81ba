"""Kinds of event by what histories keep of them: their weights, rounded."""

from collections.abc import Mapping

import numpy as np

from models.profiles import STRENGTH_UNIT

MOST_UNITS = 255


class KindNames:
    """Tells the kind of an event from its weight, where one kind alone has it."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights`: of all configured kinds; those of 0 and below stand in no history."""
        self._names: dict[int, str] = {}
        for kind, weight in weights.items():
            if weight > 0:
                units = _units(weight)
                self._names[units] = "" if units in self._names else kind

    def name(self, strength: float) -> str:
        """The kind of an event whose weight the history keeps as `strength`; empty where several have it, or none."""
        return self._names.get(round(strength / STRENGTH_UNIT), "")


def _units(weight: float) -> int:
    """As `append_event` rounds."""
    return int(min(float(np.float32(weight)) / STRENGTH_UNIT + 0.5, MOST_UNITS))
