"""Layouts of well-known data sets, for `millrace import`.

| layout            | files                | columns                                                            |
| ----------------- | -------------------- | ------------------------------------------------------------------ |
| movielens         | ratings.dat          | `UserID::MovieID::Rating::Timestamp`, no header (1M, 10M)          |
|                   | ratings.csv          | `userId,movieId,rating,timestamp` (20M and later)                  |
|                   | u.data               | user, item, rating, timestamp between tabs, no header (100K)       |
| amazon            | ratings_*.csv        | `user,item,rating,timestamp`, no header (2014)                     |
| amazon-item-first | *.csv                | `item,user,rating,timestamp`, no header (2018)                     |
| retailrocket      | events.csv           | `timestamp,visitorid,event,itemid,transactionid`                   |
| columns           | parquet, CSV, JSONL  | the usual names, or those given by options                         |

Ratings become events of the kind `rate` with the rating as value; times are seconds, RetailRocket's are ms.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from producers.choices import LayoutName
from producers.columns import EventColumns
from producers.files import CsvShape
from producers.readers import ColumnNames, count_events, read_events


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file keeps what, and what its kinds of event are called here.

    Attributes:
        kind: kind of the events for which the file names none.
        new_kinds: the file's kinds of event and ours; those that become "" are left out.
        csv: how a CSV file is written, if not with commas below a header line.
    """

    columns: ColumnNames = field(default_factory=ColumnNames)
    kind: str | None = None
    new_kinds: Mapping[str, str] = field(default_factory=dict)
    csv: CsvShape | None = None


@dataclass(frozen=True)
class EventFile:
    """The events of a file, as often as one iterates over it.

    Attributes:
        by_time: sorts by time, in memory.
        on_skipped: is told how many rows were left out because they lack user, item or time.
    """

    path: Path
    layout: Layout = field(default_factory=Layout)
    by_time: bool = False
    on_skipped: Callable[[int], None] = lambda _: None

    def __iter__(self) -> Iterator[EventColumns]:
        layout = self.layout
        batches = read_events(
            self.path,
            layout.columns,
            kind=layout.kind,
            csv=layout.csv,
            by_time=self.by_time,
            on_skipped=self.on_skipped,
        )
        return (batch.with_kinds(layout.new_kinds) for batch in batches) if layout.new_kinds else batches

    def count(self) -> int | None:
        """About how many events there are; None where only reading would tell."""
        return count_events(self.path, self.layout.csv)


RATINGS = ("user_id", "item_id", "value", "timestamp")


def layout_of(name: LayoutName, path: Path) -> Layout:
    """The layout of that name, in the variant that the file's name tells."""
    return LAYOUTS[name](path)


def _movielens(path: Path) -> Layout:
    match path.suffix:
        case ".dat":  # "::" reads as two separators with an empty column between them
            header = ("user_id", "_1", "item_id", "_2", "value", "_3", "timestamp")
            return Layout(kind="rate", csv=CsvShape(":", header))
        case ".data":
            return Layout(kind="rate", csv=CsvShape("\t", RATINGS))
        case _:
            return Layout(ColumnNames("userId", "movieId", "timestamp", value="rating"), kind="rate")


LAYOUTS: Mapping[LayoutName, Callable[[Path], Layout]] = {
    LayoutName.MOVIELENS: _movielens,
    LayoutName.AMAZON: lambda _: Layout(kind="rate", csv=CsvShape(header=RATINGS)),
    LayoutName.AMAZON_ITEM_FIRST: lambda _: Layout(
        kind="rate", csv=CsvShape(header=("item_id", "user_id", "value", "timestamp"))
    ),
    LayoutName.RETAILROCKET: lambda _: Layout(
        ColumnNames("visitorid", "itemid", "timestamp", "event"),
        new_kinds={"view": "view_item", "addtocart": "add_to_cart", "transaction": "purchase"},
    ),
    LayoutName.COLUMNS: lambda _: Layout(),
}
