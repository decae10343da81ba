"""What the formats share: from one of their records to our interactions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, NamedTuple

from worker.events import Interaction

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Format:
    """A shape of JSON that the records of the event topic may have.

    Attributes:
        shape: the type that msgspec reads one JSON document as.
        convert: a document to its interactions, at least one; raises ValueError when it makes no sense.
            None where the document is an Interaction already.
    """

    shape: Any
    convert: Callable[[Any], list[Interaction]] | None = None


class Product(NamedTuple):
    """One of the products that a record is about; see Interaction for the fields."""

    item_id: str
    value: float | None = None
    quantity: float | None = None
    position: int | None = None


NO_PRODUCT = Product("")


def interactions(
    common: Interaction,
    products: Sequence[Product],
) -> list[Interaction]:
    """One interaction for each product: `common`, with what differs by product filled in.

    Without any product there is one with an empty item id, so that it is counted and rejected, not lost. An event id
    that several would share gets the product's place behind it.
    """
    return [
        Interaction(
            user_id=common.user_id,
            item_id=product.item_id,
            event=common.event,
            ts=common.ts,
            event_id=_own_id(common.event_id, place, len(products)),
            value=product.value,
            quantity=product.quantity,
            session_id=common.session_id,
            request_id=common.request_id,
            position=product.position,
        )
        for place, product in enumerate(products or [NO_PRODUCT], start=1)
    ]


def _own_id(event_id: str | None, place: int, products: int) -> str | None:
    return event_id if event_id is None or products <= 1 else f"{event_id}:{place}"


def first_id(*candidates: str | int | None) -> str:
    """The first id that is given, as text. Raises ValueError when there is none."""
    for candidate in candidates:
        if candidate is not None and candidate != "":
            return str(candidate)
    raise ValueError("no id of a user: neither a known nor an anonymous one")


def number(value: float | str | None) -> float | None:
    """A number, or the number that the text is. Raises ValueError for other text and for what is not finite."""
    if value is None:
        return None
    if not isfinite(read := float(value)):
        raise ValueError(f"not a finite number: {value}")
    return read


def ms_from_datetime(moment: datetime | None) -> int | None:
    """UTC milliseconds, rounded down; a time without a zone is UTC."""
    if moment is None:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND


def ms_from_micros(micros: int | str | None) -> int | None:
    """UTC milliseconds, rounded down, of microseconds as a number or its digits. Raises ValueError for other text."""
    return None if micros is None else int(micros) // 1000


def ms_from_seconds(moment: float | datetime | None) -> int | None:
    """UTC milliseconds of seconds since 1970, or of a time in ISO 8601."""
    return round(moment * 1000) if isinstance(moment, int | float) else ms_from_datetime(moment)
