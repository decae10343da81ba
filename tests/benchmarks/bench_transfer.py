"""What a transfer is worth, and which part of it: two halves of a catalogue with the same users, and two strangers.

`python -m tests.benchmarks.bench_transfer FOLDER`, which holds the data sets. The old domain is learned whole; then the
new one's first 20,000 events are ranked and learned, with and without.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.batch import Interactions
from models.recommender import Recommender, RecommenderOptions
from models.transfer import Likeness
from producers.catalogue import read_items
from producers.readers import ColumnNames
from worker.events import Item
from worker.offline import Selection, read_stream, with_room
from worker.transfer.measure import measured
from worker.transfer.run import Old, likeness_to

DRAMA = frozenset(
    (
        "Drama",
        "Horror",
        "Crime",
        "Documentary",
        "Thriller",
        "Romance",
        "Film-Noir",
        "War",
        "Mystery",
        "Musical",
        "Western",
    )
)
FANTASY = frozenset(("fantasy", "science fiction", "surreal", "historical", "rpg", "adventure"))
BATCH_EVENTS = 10_000


@dataclass(frozen=True)
class Domain:
    """Events and their catalogue."""

    stream: Interactions
    items: Sequence[Item]


def halves(folder: Path, name: str, kinds: Sequence[str], first: frozenset[str]) -> tuple[Domain, Domain]:
    """The items whose first category is one of `first`, and all others, each with its events."""
    items = list(read_items(folder / f"{name}.items.parquet"))
    chosen = {item.item_id for item in items if _first_category(item) in first}
    stream = read_stream(folder / f"{name}.events.parquet", ColumnNames(), Selection(frozenset(kinds)))
    is_first = np.array([item in chosen for item in stream.items])
    return (
        Domain(_part(stream, is_first), [item for item in items if item.item_id in chosen]),
        Domain(_part(stream, ~is_first), [item for item in items if item.item_id not in chosen]),
    )


def _first_category(item: Item) -> str:
    return item.category.split("|")[0].split(",")[0].strip()


def _part(stream: Interactions, wanted: Any) -> Interactions:
    places = np.flatnonzero(wanted).tolist()
    users, items = [stream.users[place] for place in places], [stream.items[place] for place in places]
    return Interactions.of(users, items, stream.times_ms[places])


def learned(domain: Domain) -> Old:
    """The whole domain, in one shard."""
    recommender = Recommender(with_room(RecommenderOptions(), domain.stream))
    shard = recommender.new_shard()
    for start in range(0, len(domain.stream), BATCH_EVENTS):
        recommender.learn(shard, domain.stream.slice(start, start + BATCH_EVENTS))
    return Old(recommender, [shard])


def report(title: str, old: Old, old_items: Sequence[Item], new: Domain, *, same_users: bool = True) -> None:
    """A line for each part that is carried over, and each number of first events."""
    likeness = likeness_to(old, old_items, new.items)
    nothing = Likeness(likeness.rows, np.zeros_like(likeness.weights))
    strangers = Old(old.recommender, [])
    parts = (("blend", strangers, nothing), ("and vectors", strangers, likeness), ("and tastes", old, likeness))
    for part, source, alike in parts if same_users else parts[:2]:
        for row in measured(source, new.items, alike, RecommenderOptions(), new.stream):
            hits, ranks = row["hr_at_20"], row["mrr_at_20"]
            sys.stdout.write(
                f"| {title} | {part} | {row['events']:,} | {row['scored']:,} "
                f"| {hits['without']:.4f} / {hits['with']:.4f} "
                f"({hits['low']:+.4f} to {hits['high']:+.4f}) | {ranks['without']:.4f} / {ranks['with']:.4f} "
                f"({ranks['low']:+.4f} to {ranks['high']:+.4f}) |\n"
            )
            sys.stdout.flush()


def main(folder: Path) -> None:
    """All three cases."""
    drama, other_films = halves(folder, "ml-1m-positive", (), DRAMA)
    fantasy, other_games = halves(folder, "ifdb", ("played", "wishlist"), FANTASY)
    films = learned(drama)
    report("ml-1m-positive", films, drama.items, other_films)
    report("ifdb", learned(fantasy), fantasy.items, other_games)
    report("ml-1m-positive, then ifdb", films, drama.items, other_games, same_users=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
