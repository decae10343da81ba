"""A question as data: where in Redis its answer stands, and how the HTTP API is asked for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
Content = bytes | str | None


@dataclass(frozen=True, slots=True)
class FromRedis(Generic[Answer]):
    """Keys, and what to make of what stands under them; raises MillraceError."""

    keys: list[str]
    answer: Callable[[Sequence[Content]], Answer]


@dataclass(frozen=True, slots=True)
class ByHttp:
    """A request.

    Attributes:
        answers: type of the answer's body.
        may_miss: whether 404 means that there is none.
    """

    method: str
    path: str
    answers: type
    parameters: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    may_miss: bool = False


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """What is asked.

    Attributes:
        redis: None = Redis alone cannot answer, for the reason `why`.
    """

    redis: FromRedis[Answer] | None
    http: ByHttp
    why: str = ""
