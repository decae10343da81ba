"""A file of items as the catalogue of an offline evaluation: which items are known, and from which event on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from models.batch import Bools, Int64s, Interactions
from models.descriptions import Description
from producers.catalogue import read_arrivals, read_items
from worker.describing import description_of
from worker.errors import ConfigurationError

EVER_MS = -(1 << 62)


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """Items by when they came to the catalogue.

    Attributes:
        descriptions: one an item.
        arrivals_ms: beside it, UTC milliseconds; `EVER_MS` = it stood there from the start.
    """

    descriptions: Sequence[Description] = ()
    arrivals_ms: Sequence[int] = field(default=())

    @property
    def ids(self) -> set[str]:
        """Of all its items."""
        return {each.item for each in self.descriptions}

    def parts(self, stream: Interactions) -> Iterator[tuple[int, int, list[Description]]]:
        """The stream in parts, from where to where, each with the items that came to the catalogue by its start.

        A time that lies back does not take items away again.
        """
        places = self._places(stream)
        starts = np.unique(np.concatenate([[0], places[places < len(stream)]])).tolist()
        for start, stop in pairwise([*starts, len(stream)]):
            came = np.flatnonzero(places == start)
            yield start, stop, [self.descriptions[place] for place in came.tolist()]

    def knows(self, stream: Interactions) -> Bools:
        """(n,) which events are of an item that stood in the catalogue by then."""
        items = (each.item for each in self.descriptions)
        first = dict(zip(items, self._places(stream).tolist(), strict=True))
        return np.array([first.get(item, place + 1) <= place for place, item in enumerate(stream.items)], np.bool_)

    def _places(self, stream: Interactions) -> Int64s:
        """For each item the first event at or after its arrival."""
        return np.searchsorted(np.maximum.accumulate(stream.times_ms), np.array(self.arrivals_ms, np.int64))


def read_catalogue(path: Path, time_column: str | None = None, embedding_width: int = 0) -> CatalogueFile:
    """The items of a parquet, CSV or JSONL file; without a column of times all stand there from the start.

    Raises ConfigurationError for a file that cannot be read, or whose embeddings are of another width. Of an item that
    is there twice, the last row counts.
    """
    items = {item.item_id: item for item in read_items(path)}
    for item in items.values():
        if embedding_width and len(item.embedding) not in (0, embedding_width):
            raise ConfigurationError(
                f"{path}: the embedding of {item.item_id} has {len(item.embedding)} numbers, not {embedding_width}",
                "set experts.embedding_width to what all of them have, or to 0",
            )
    arrivals = read_arrivals(path, time_column) if time_column else {}
    return CatalogueFile(
        [description_of(item) for item in items.values()], [arrivals.get(item, EVER_MS) for item in items]
    )
