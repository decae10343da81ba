"""What may be wrong with a store."""

from enum import Enum


class Trouble(Enum):
    """What may be wrong with a store: what is written does not arrive, or arrives and is not acknowledged, or later."""

    NONE = "none"
    AWAY = "away"
    UNACKNOWLEDGED = "unacknowledged"
    LATE = "late"
    PARTLY = "partly"
