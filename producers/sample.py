"""The sample that ships with the package: the first purchases of UCI Online Retail; see `data/CREDITS.md`."""

from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

SAMPLE_PURCHASES = 150_000
EVENTS_FILE, ITEMS_FILE = "online-retail.events.parquet", "online-retail.items.parquet"


def sample_events_path() -> Path:
    """A parquet file of 150,000 purchases in the order of time; readable by `read_events`."""
    return _data_folder() / EVENTS_FILE


def sample_items_path() -> Path:
    """A parquet file of the items that occur in the sample, with titles and prices; for `read_items`."""
    return _data_folder() / ITEMS_FILE


def make_sample(events: Path, items: Path, target: Path, purchases: int = SAMPLE_PURCHASES) -> None:
    """Cuts the sample out of the whole data set: how the two shipped files were made.

    Args:
        events: parquet with user_id, item_id, timestamp (ms), event, value, in the order of time.
        items: parquet with item_id, title, median_price.
        target: folder for the two files.
        purchases: how many purchases, from the first on.
    """
    columns = ["user_id", "item_id", "timestamp", "event", "value"]
    table = pyarrow.parquet.read_table(events, columns=columns)
    table = table.filter(pc.equal(table["event"], pa.scalar("purchase"))).slice(0, purchases)
    catalogue = pyarrow.parquet.read_table(items, columns=["item_id", "title", "median_price"])
    catalogue = catalogue.filter(pc.is_in(catalogue["item_id"], pc.unique(table["item_id"])))
    _write(table, target / EVENTS_FILE)
    _write(catalogue.rename_columns(["item_id", "title", "price"]), target / ITEMS_FILE)


def _write(table: pa.Table, path: Path) -> None:
    plain = table.replace_schema_metadata(None).combine_chunks()
    pyarrow.parquet.write_table(plain, path, compression="zstd", compression_level=19, use_dictionary=True)


def _data_folder() -> Path:
    return Path(str(files("producers"))) / "data"
