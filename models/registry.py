"""The experts by name: their columns in the candidates' scores and in the mixture."""

EXPERTS = ("popular_fast", "popular_slow", "next", "forward", "similar", "repeat_recency", "repeat_count")
POPULAR_FAST, POPULAR_SLOW, NEXT_EXPERT, FORWARD_EXPERT, SIMILAR, REPEAT_RECENCY, REPEAT_COUNT = range(7)
