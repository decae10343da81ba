"""A route as data: what routing, the check of keys, parameters and the OpenAPI document are made from."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from worker.api.keys import Scope
from worker.api.problems import Refused

if TYPE_CHECKING:
    from worker.api.service import Service

Values = Mapping[str, Any]
Handler = Callable[["Service", Request, Values], Awaitable[Response]]
FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query.

    Attributes:
        kind: `list` = texts; the parameter may be repeated.
        least, most: bounds of a number.
        choices: the only texts; none = any.
    """

    name: str
    kind: type[int] | type[bool] | type[str] | type[list[str]]
    meaning: str
    default: Any = None
    least: int = 1
    most: int = 100
    choices: tuple[str, ...] = ()

    def value(self, query: QueryParams) -> Any:
        """What the query says, or the default. Raises Refused."""
        given = query.getlist(self.name)
        if self.kind is list:
            return given
        if len(given) > 1:
            raise self._refused("is given twice", "give it once")
        if not given:
            return self.default
        if self.kind is int:
            return self._number(given[0])
        if self.kind is bool:
            return self._flag(given[0])
        return self._choice(given[0])

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and self.least <= int(text) <= self.most):
            raise self._refused(f"is {text[:40]!r}", f"give a whole number from {self.least} to {self.most}")
        return int(text)

    def _flag(self, text: str) -> bool:
        if text not in FLAGS:
            raise self._refused(f"is {text[:40]!r}", "give true or false")
        return FLAGS[text]

    def _choice(self, text: str) -> str:
        if self.choices and text not in self.choices:
            raise self._refused(f"is {text[:40]!r}", f"give one of {', '.join(self.choices)}")
        return text

    def _refused(self, what: str, remedy: str) -> Refused:
        return Refused(400, f"the parameter {self.name} {what}", remedy)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes:
        scope: what a key must be allowed to; None = no key is asked for.
        body: what the request holds, as a type for the OpenAPI document.
        status: of the answer when all is well.
        answer: its type; None = it has no body.
        faults: the statuses of problems that only some routes have.
        streams: whether the answer goes on, as server-sent events, unless the request says `once`.
    """

    method: str
    path: str
    scope: Scope | None
    summary: str
    handler: Handler
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    status: int = 200
    answer: Any = None
    faults: tuple[int, ...] = ()
    streams: bool = False

    def values(self, query: QueryParams) -> dict[str, Any]:
        """The parameters' values by name. Raises Refused, also for a parameter that there is not."""
        known = {parameter.name for parameter in self.parameters}
        if unknown := sorted(set(query) - known):
            remedy = f"there are {', '.join(sorted(known))}" if known else "this address has none"
            raise Refused(400, f"there is no parameter {unknown[0][:40]}", remedy)
        return {parameter.name: parameter.value(query) for parameter in self.parameters}
