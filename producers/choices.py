"""Names that a command line may choose from; kept apart so that showing help loads nothing heavy."""

from enum import StrEnum


class EventTimes(StrEnum):
    """Which time a replayed event bears."""

    ORIGINAL = "original"
    NOW = "now"


class LayoutName(StrEnum):
    """Layouts of data sets: see `importers`."""

    MOVIELENS = "movielens"
    AMAZON = "amazon"
    AMAZON_ITEM_FIRST = "amazon-item-first"
    RETAILROCKET = "retailrocket"
    COLUMNS = "columns"
