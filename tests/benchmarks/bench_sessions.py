"""How good lists for sessions are: `python -m tests.benchmarks.bench_sessions FILE [--kinds KIND] [--limit N]`.

Prequential: each event of a user with a history, whose item came before, is looked for among the first 20 of the list
for that history, of the popular list less the history, and of the full model's list; then it is learned. Similar items
are published after every 200 events, `--size` of each. Where users take items again, the full model may list them too,
while a session's list leaves its history out: events with items that are new to their user are told apart. Prints JSON;
`--decays` compares several.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.accuracy import rank_metrics
from models.batch import Float32s, Interactions
from models.evaluation import prequential
from models.recommender import Recommender, RecommenderOptions
from models.similar import similar_items
from producers.readers import ColumnNames
from worker.events import SimilarItems
from worker.machine import this_machine
from worker.offline import Selection, read_stream
from worker.session_lists import DECAY, last_items, session_list

EVENTS_APART, LIST_SIZE = 200, 20
MISS = float("inf")


def options(stream: Interactions) -> RecommenderOptions:
    return RecommenderOptions(max_items=len(set(stream.items)), max_users=len(set(stream.users)))


class Sessions:
    """Users' histories, and what was published last.

    Attributes:
        ranks: by method, of the scored events' items from 1; inf = not in the list.
        places: of the scored events in the stream. new: whether the item was new to its user.
    """

    def __init__(self, stream: Interactions, size: int, decays: Sequence[float]) -> None:
        self.ranks: dict[str, list[float]] = {"popular": [], **{f"session, decay {each:g}": [] for each in decays}}
        self.places: list[int] = []
        self.new: list[bool] = []
        self._stream = stream
        self._size = size
        self._decays = decays
        self._recommender = Recommender(options(stream))
        self._shard = self._recommender.new_shard()
        self._histories: dict[str, list[str]] = {}
        self._known_items: set[str] = set()

    def run(self) -> None:
        """Over the whole stream."""
        for start in range(0, len(self._stream), EVENTS_APART):
            batch = self._stream.slice(start, min(start + EVENTS_APART, len(self._stream)))
            similar, popular = self._published(batch), self._popular()
            for place, (user, item) in enumerate(zip(batch.users, batch.items, strict=True), start):
                history = self._histories.setdefault(user, [])
                if history and item in self._known_items:
                    self._score(place, history, item, similar, popular)
                history.append(item)
                self._known_items.add(item)
            self._recommender.learn(self._shard, batch)

    def _score(
        self, place: int, history: list[str], item: str, similar: Mapping[str, SimilarItems], popular: list[str]
    ) -> None:
        had = set(history)
        self.places.append(place)
        self.new.append(item not in had)
        behind = [each for each in popular if each not in had][:LIST_SIZE]
        self.ranks["popular"].append(rank_in(behind, item))
        known = {each: similar[each] for each in last_items(history) if each in similar}
        for decay in self._decays:
            found = session_list(history, known, lambda _: True, LIST_SIZE, decay)
            items = found.items if found else []
            filled = [*items, *(each for each in behind if each not in items)][:LIST_SIZE]
            self.ranks[f"session, decay {decay:g}"].append(rank_in(filled, item))

    def _published(self, batch: Interactions) -> dict[str, SimilarItems]:
        """What goes with the items that this batch's histories may ask for."""
        vocabulary = self._recommender.vocabulary
        asked = {item for user in set(batch.users) for item in self._histories.get(user, ())} | set(batch.items)
        ids = [item for item in asked if vocabulary.row(item) >= 0]
        shown = self._recommender.shelf().shown
        found = similar_items(self._recommender.knowledge, shown, vocabulary.rows_of(ids), self._size)
        return dict(zip(ids, map(self._record, *found), strict=True))

    def _record(self, items: Any, scores: Any, together: Any) -> SimilarItems:
        ids = self._recommender.vocabulary.ids_of(items.tolist())
        return SimilarItems(ids, scores[: len(ids)].tolist(), "", 0, 0.0, 0.0, 0, 0, int(together))

    def _popular(self) -> list[str]:
        rows, _ = self._recommender.popular(100)
        return self._recommender.vocabulary.ids_of(rows.tolist())


def rank_in(items: Sequence[str], item: str) -> float:
    return items.index(item) + 1.0 if item in items else MISS


def full_model(stream: Interactions, places: Sequence[int]) -> Float32s:
    """The ranks that the recommender gives the items of these events."""
    recommender = Recommender(options(stream))
    ranks = prequential(recommender, recommender.new_shard(), stream).ranks[places]
    ranks[ranks > LIST_SIZE] = MISS
    return ranks


def main(arguments: argparse.Namespace) -> None:
    """Measures and prints."""
    selection = Selection(frozenset(arguments.kinds), arguments.limit)
    stream = read_stream(arguments.file, ColumnNames(), selection)
    sessions = Sessions(stream, arguments.size, arguments.decays)
    sessions.run()
    ranks = {name: np.array(each, np.float32) for name, each in sessions.ranks.items()}
    ranks["full model"] = full_model(stream, sessions.places)
    new = np.array(sessions.new)
    report = {
        "machine": asdict(this_machine()),
        "events": len(stream),
        "scored": len(new),
        "new_to_user": int(new.sum()),
        "all": {name: rank_metrics(each) for name, each in ranks.items()},
        "of_items_new_to_user": {name: rank_metrics(each[new]) for name, each in ranks.items()},
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--size", type=int, default=20)
    parser.add_argument("--decays", type=float, nargs="*", default=[DECAY])
    main(parser.parse_args())
