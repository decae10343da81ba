"""The experts by name: their columns in the candidates' scores and in the mixture."""

from collections.abc import Collection

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

SEQUENCE = len(EXPERTS)
ALL_EXPERTS = (*EXPERTS, "sequence")
"""With those that have a column only where they take part."""


def columns(chosen: Collection[str]) -> tuple[str, ...]:
    """Names of the columns when these experts take part. Raises ValueError for none, and for names of no expert."""
    unknown = set(chosen) - set(ALL_EXPERTS)
    if unknown or not chosen:
        raise ValueError(f"unknown experts {sorted(unknown)} or none; there are {list(ALL_EXPERTS)}")
    return ALL_EXPERTS if ALL_EXPERTS[SEQUENCE] in chosen else EXPERTS
