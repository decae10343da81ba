"""Lessons: which events teach ranker, item vectors and mixture; all events teach the tables."""

from models.compiled import inlined


@inlined
def is_lesson_due(learned: int, warmup: int, every: int) -> bool:
    """Whether the event after `learned` ones is a lesson.

    Each of the first `warmup` is, every second of as many after them, and so on, down to one of `every`.
    """
    return learned % min(every, 1 + learned // max(warmup, 1)) == 0
