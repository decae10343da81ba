"""The experts by name: their columns in the candidates' scores and in the mixture."""

from collections.abc import Collection

from models.batch import Bools

EXPERTS = (
    "popular_fast",
    "popular_mid",
    "popular_slow",
    "next",
    "forward",
    "backward",
    "similar",
    "basket",
    "vector",
    "repeat_recency",
    "repeat_count",
)
(
    POPULAR_FAST,
    POPULAR_MID,
    POPULAR_SLOW,
    NEXT_EXPERT,
    FORWARD_EXPERT,
    BACKWARD_EXPERT,
    SIMILAR,
    BASKET_EXPERT,
    VECTOR,
    REPEAT_RECENCY,
    REPEAT_COUNT,
) = range(len(EXPERTS))

SEQUENCE, CONTENT = range(len(EXPERTS), len(EXPERTS) + 2)
ALL_EXPERTS = (*EXPERTS, "sequence", "content")
"""With those that have a column only where they, or one behind them, take part."""


def takes_part(active: Bools, expert: int) -> bool:
    """Whether an expert takes part where these columns do, (experts,)."""
    return expert < len(active) and bool(active[expert])


def columns(chosen: Collection[str]) -> tuple[str, ...]:
    """Names of the columns when these experts take part. Raises ValueError for none, and for names of no expert."""
    unknown = set(chosen) - set(ALL_EXPERTS)
    if unknown or not chosen:
        raise ValueError(f"unknown experts {sorted(unknown)} or none; there are {list(ALL_EXPERTS)}")
    last = max(map(ALL_EXPERTS.index, chosen))
    return ALL_EXPERTS[: max(last + 1, len(EXPERTS))]
