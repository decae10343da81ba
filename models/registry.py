"""The experts by name: their columns in the candidates' scores and in the mixture."""

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
