"""Opens parquet, CSV and JSON-lines files alike: their column names, and their rows in streamed batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from worker.errors import ConfigurationError

BATCH_ROWS = 16_384
BLOCK_BYTES = 4 << 20  # longer than any line
PEEK_BYTES = 1 << 20
COMPRESSIONS = {".gz", ".bz2", ".zst", ".lz4"}
JSON_TYPES: dict[frozenset[type], pa.DataType] = {
    frozenset({str}): pa.string(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({bool}): pa.bool_(),
}


class Table(Protocol):
    """A file of rows."""

    @property
    def names(self) -> list[str]:
        """Names of the columns that are there."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows in order, these columns only, in this order."""

    def count(self) -> int | None:
        """How many rows there are, if that is cheap to know; an estimate for progress bars."""


@dataclass(frozen=True, slots=True)
class CsvShape:
    """How a CSV file is written.

    Attributes:
        header: names of the columns of a file without a header line.
    """

    delimiter: str = ","
    header: tuple[str, ...] | None = None


def open_table(path: Path, csv: CsvShape | None = None) -> Table:
    """Opens a file by the end of its name; with a `csv` shape, as CSV whatever it is called.

    Raises ConfigurationError when it is absent, unreadable or of another kind.
    """
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path}", "give the path of a parquet, CSV or JSONL file")
    ending = next((e.lower() for e in reversed(path.suffixes) if e.lower() not in COMPRESSIONS), "")
    with reading(path):
        if csv or ending in {".csv", ".tsv"}:
            return CsvTable(path, csv or CsvShape("\t" if ending == ".tsv" else ","))
        if ending in {".jsonl", ".ndjson", ".json"}:
            return JsonLinesTable(path)
        if ending in {".parquet", ".pq"}:
            return ParquetTable(path)
    raise ConfigurationError(f"{path} is of an unknown kind", "its name should end in .parquet, .csv, .tsv or .jsonl")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns a library's complaint about a file into one for people."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        cause = " ".join(str(error).split())
        raise ConfigurationError(
            f"cannot read {path}: {cause}", "check that the file is whole and of the kind its name says"
        ) from error


class ParquetTable:
    """A parquet file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with pyarrow.parquet.ParquetFile(path) as file:
            self.names: list[str] = list(file.schema_arrow.names)
            self._rows = file.metadata.num_rows

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with pyarrow.parquet.ParquetFile(self._path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
                yield batch.select(list(columns))

    def count(self) -> int | None:
        return self._rows


class CsvTable:
    """A CSV file; every cell is delivered as text, an empty one as null."""

    def __init__(self, path: Path, shape: CsvShape) -> None:
        self._path = path
        self._shape = shape
        with self._open(None) as reader:
            self.names: list[str] = list(reader.schema.names)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with self._open(list(columns)) as reader:
            yield from reader

    def count(self) -> int | None:
        lines = _count_lines(self._path)
        return lines if lines is None or self._shape.header else max(0, lines - 1)

    def _open(self, columns: list[str] | None) -> pyarrow.csv.CSVStreamingReader:
        header = self._shape.header
        return pyarrow.csv.open_csv(
            self._path,
            read_options=pyarrow.csv.ReadOptions(column_names=list(header) if header else None),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self._shape.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns or (), pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


class JsonLinesTable:
    """A file of one JSON object a line. A column exists if the first megabyte has a value for it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._types = _peek_types(path)
        self.names = list(self._types)

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([(name, self._types[name]) for name in columns])
        parse = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        read = pyarrow.json.ReadOptions(block_size=BLOCK_BYTES)
        with pyarrow.json.open_json(self._path, read_options=read, parse_options=parse) as reader:
            for batch in reader:
                yield batch.select(list(columns))

    def count(self) -> int | None:
        return _count_lines(self._path)


def _peek_types(path: Path) -> dict[str, pa.DataType]:
    """Types of columns of scalars, and of lists of them: ids that look like dates or numbers are read as they stand."""
    with pa.input_stream(path, compression="detect") as stream:
        head = stream.read(PEEK_BYTES)
    lines = head.splitlines()
    if len(head) == PEEK_BYTES:
        del lines[-1]  # cut in the middle
    found: dict[str, set[type]] = {}
    lists: dict[str, set[type]] = {}
    for line in filter(None, lines):
        row: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        for name, value in row.items():
            if isinstance(value, list):
                lists.setdefault(name, set()).update(map(type, value))
            elif value is not None:
                found.setdefault(name, set()).add(type(value))
    types = {name: JSON_TYPES.get(frozenset(kinds)) for name, kinds in found.items()}
    for name, kinds in lists.items():
        kind = None if name in found else JSON_TYPES.get(frozenset(kinds))
        types[name] = pa.list_(kind) if kind else None
    return {name: kind for name, kind in types.items() if kind is not None}


def _count_lines(path: Path) -> int | None:
    if path.suffix.lower() in COMPRESSIONS:
        return None
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK_BYTES), b""))
