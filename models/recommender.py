"""Recommender: START READING HERE. It learns a batch of a shard's events, and ranks lists for a shard's users.

What it knows of items is `Knowledge`; what it knows of users lies in `ProfileShard`s, one a partition. `learn` and
`recommend` hand the arrays of both to one compiled pass each (`learning.py`, `ranking.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from models.assortment import Assortment, Shelf
from models.batch import Float32s, Int32s, Interactions, UInt64s
from models.descriptions import Description
from models.diversity import Diversity
from models.exploration import Explored, Explorer
from models.foresight import AtOnce, Begin, Foresight
from models.interventions import Interventions
from models.knowledge import EVENTS, Knowledge, check_rows, forget_items, item_axes, least_valuable
from models.learned import Learned
from models.learning import Served, Surprises, learn_events
from models.mixture import Mixture, activated
from models.pinning import pinned_rows
from models.policies import Repeats, excludes_seen
from models.popular_list import diverse_rows
from models.profiles import Profiles
from models.ranking import Ranked
from models.recommending import Means, rank_lists
from models.registry import CONTENT, EXPERTS, SEQUENCE, columns, takes_part
from models.scratch import Scratch
from models.seen import SeenFilter
from models.sequence_options import SequenceOptions
from models.shard import ProfileShard
from models.strings import pack, pack_vocabulary, unpack, unpack_vocabulary
from models.switching import switched, without_empty
from models.tables import copied, dump, first_rows, fitted, load, size_bytes
from models.text_encoder import TextEncoder
from models.vocabulary import Vocabulary

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class RecommenderOptions:
    """How to learn, and within which bounds.

    Attributes:
        max_items: items known at once.
        max_users: users known at once in one shard.
        repeats: whether a user's own items may be recommended again.
        ranker_share: least share of events that also teach ranker, item vectors and mixture.
        ranker_warmup_events: so many events at the start all teach it, every second of as many then, and so on.
        renewal: whether learning rates rise for a while when the stream changes.
        experts: names of the experts that take part.
        sequence: of the sequence expert, where it takes part.
        text_encoder: reads what is said of items, beside the terms of the text; None = nobody does.
        embedding_width: numbers in the embeddings that come with descriptions; those of another width do not count.
        diversity: from 0 = the best items, to 1 = items as different as can be (see `diversity.py`).
        most_per_category: items of one category in a list; 0 = any number.
        exploration_share: chance that a list ends with a new item (see `exploration.py`).
        new_item_events: an item is new with fewer events.
        unlisted_shown: whether items of which `set_shown` was not told may stand in lists.
    """

    max_items: int = 100_000
    max_users: int = 200_000
    repeats: Repeats = Repeats.AUTO
    ranker_share: float = 1.0
    ranker_warmup_events: int = 4000
    renewal: bool = True
    experts: tuple[str, ...] = EXPERTS
    sequence: SequenceOptions = field(default_factory=SequenceOptions)
    text_encoder: TextEncoder | None = None
    embedding_width: int = 0
    diversity: float = 0.0
    most_per_category: int = 0
    exploration_share: float = 0.0
    new_item_events: int = 5
    unlisted_shown: bool = True


class Recommender:
    """All that one worker has learned; `begin` says how trainings of the sequence expert run, at once by default."""

    def __init__(self, options: RecommenderOptions | None = None, begin: Begin | None = None) -> None:
        self.options = options or RecommenderOptions()
        self.experts = columns(self.options.experts)
        self._active = np.array([name in self.options.experts for name in self.experts])
        self.vocabulary = Vocabulary(self.options.max_items, doorkeeper=True)
        encoder = self.options.text_encoder
        self._embedding_width = self.options.embedding_width + (encoder.width if encoder else 0)
        self.knowledge = self._no_knowledge(self.vocabulary.capacity)
        self._assortment = Assortment(
            self.vocabulary,
            unlisted_shown=self.options.unlisted_shown,
            categories=self.options.most_per_category > 0,
            unmet=self.options.exploration_share > 0,
        )
        self._rule = Diversity(float(self.options.diversity), self.options.most_per_category)
        self._explorer = Explorer(
            self.vocabulary,
            self._assortment,
            self.options.exploration_share,
            self.options.new_item_events,
            self.options.most_per_category,
        )
        self.scratch = self._no_scratch()
        self.foresight = Foresight(
            self.vocabulary.capacity,
            self.options.sequence,
            on=takes_part(self._active, SEQUENCE),
            begin=begin or AtOnce(),
        )
        self._shards: list[ProfileShard] = []

    @property
    def events(self) -> int:
        """Events learned so far."""
        return int(self.knowledge.counters[EVENTS])

    @property
    def excludes_seen(self) -> bool:
        """Whether users' own items are left out of their lists at present."""
        return bool(excludes_seen(int(self.options.repeats), self.knowledge.counters))

    @property
    def renewals(self) -> int:
        """How often the learning rates rose because the stream had changed."""
        return int(self.knowledge.renewal.changes.sum()) if self.options.renewal else 0

    def new_shard(self) -> ProfileShard:
        """A shard without users, whose item rows this recommender keeps right."""
        shard = ProfileShard(self.options.max_users)
        self._shards.append(shard)
        return shard

    def drop_shard(self, shard: ProfileShard) -> None:
        """The shard's partition moved on."""
        self._shards.remove(shard)

    # -- learning ---------------------------------------------------------------------------------------------

    def learn(self, shard: ProfileShard, batch: Interactions) -> Learned:
        """Learns a batch in order. Cut differently, the same events lead to exactly the same state."""
        served, surprises = Served.empty(len(batch)), Surprises.empty(len(batch))
        before = self.renewals
        forgotten: list[str] = []
        users, start = np.zeros(0, np.int32), 0
        while start < len(batch):
            users, users_stop = shard.users.assign(batch.users[start:])
            items, stop = self.vocabulary.assign(batch.items[start : start + users_stop])
            self._learn_rows(shard, users[:stop], items, batch.slice(start, start + stop), served, surprises, start)
            start += stop
            if stop < users_stop:
                self._forget_items()
            elif start < len(batch):
                forgotten += shard.forget_longest_away()
        rows = users if not forgotten and len(users) == len(batch) else shard.users.rows_of(batch.users)
        return Learned(rows, served, surprises, self.renewals - before, self.foresight.news(), forgotten)

    def _learn_rows(
        self,
        shard: ProfileShard,
        users: Int32s,
        items: Int32s,
        batch: Interactions,
        served: Served,
        surprises: Surprises,
        start: int,
    ) -> None:
        shard.make_room(len(batch))
        self._make_room()
        for first, stop in self.parts_of_events(shard, users, items, batch.weights, self.lessons):
            learn_events(
                *self.pass_arguments(shard),
                users,
                items,
                batch.times_ms,
                batch.weights,
                batch.of_objective,
                self.scratch,
                served.part(start, start + len(batch)),
                surprises.part(start, start + len(batch)),
                first,
                stop,
            )

    @property
    def lessons(self) -> tuple[int, int]:
        """Which events teach the blend: warm-up, and of how many one at least."""
        return self.options.ranker_warmup_events, max(1, round(1 / self.options.ranker_share))

    def parts_of_events(
        self, shard: ProfileShard, users: Int32s, items: Int32s, weights: Float32s, lessons: tuple[int, int]
    ) -> Iterator[tuple[int, int]]:
        """Places from where to where a compiled pass may go next (see `foresight.py`)."""
        columns = users, items, weights
        return self.foresight.parts_of_events(self.knowledge, shard.profiles, columns, self.scratch.foreseen, lessons)

    def pass_arguments(
        self, shard: ProfileShard
    ) -> tuple[Knowledge, Profiles, SeenFilter, UInt64s, UInt64s, int, int, int, bool]:
        """What a compiled pass over a shard's events takes first: state, hashes and options."""
        return (
            self.knowledge,
            shard.profiles,
            shard.seen,
            shard.users.hashes,
            self.vocabulary.hashes,
            int(self.options.repeats),
            *self.lessons,
            self.options.renewal,
        )

    def rows_for_evaluation(self, shard: ProfileShard, batch: Interactions) -> tuple[Int32s, Int32s]:
        """Rows of the batch's users and items, all of them admitted. Raises ValueError where the bounds are too low."""
        users, users_stop = shard.users.assign(batch.users)
        items, stop = self.vocabulary.assign(batch.items)
        if users_stop < len(batch) or stop < len(batch) or (len(items) and items.min() < 0):
            raise ValueError("more users or items than max_users and max_items allow: raise them to evaluate")
        shard.make_room(len(batch))
        self._make_room()
        return users, items

    def _make_room(self) -> None:
        """Lets the tables follow the vocabulary."""
        capacity = self.vocabulary.capacity
        if capacity > len(self.knowledge.events):
            self.knowledge = fitted(self.knowledge, self._no_knowledge(capacity))
            self.scratch = self._no_scratch()
            self.foresight.fit(capacity)
        self.foresight.place(self.knowledge, self.vocabulary)

    def _forget_items(self) -> None:
        rows = least_valuable(self.knowledge, self.vocabulary.rows_in_use(), self.vocabulary.evict_rows)
        forget_items(self.knowledge, rows)
        self.foresight.forget_items(self.knowledge, rows)
        for shard in self._shards:
            shard.forget_items(rows)
        self.vocabulary.release(rows.tolist())

    # -- recommending -----------------------------------------------------------------------------------------

    def recommend(self, shard: ProfileShard, users: Int32s, size: int, *, explain: bool = False) -> Ranked:
        """Lists of up to `size` items for the users in these rows; leaves no trace.

        `explain` asks for the experts' shares, the parts of the ranker's scores and what moved each item too.
        Raises IndexError for a row that the shard does not have, ValueError for a size below 1.
        """
        if size < 1:
            raise ValueError(f"a list has one place or more, not {size}")
        if len(users) and not 0 <= int(users.min()) <= int(users.max()) < shard.users.rows_used:
            raise IndexError(f"user rows must lie in 0..{shard.users.rows_used - 1}")
        ranked = Ranked.empty(len(users), size, len(self.experts), explain=explain)
        rows = np.require(users, np.int32, ["C", "W"])  # what Interactions does to its columns, for the same reason
        hashes, repeats = self.vocabulary.hashes, int(self.options.repeats)
        means = Means(self.knowledge, self.foresight, self.scratch, hashes, self._rule, repeats)
        rank_lists(means, self._assortment.by_row(), shard, rows, ranked)
        for index in self._assortment.own_shelves(shard.users.hashes[rows]):
            own = Ranked.empty(1, size, len(self.experts), explain=explain)
            shelf = self._assortment.shelf_of(shard.users.hashes[rows[index]])
            rank_lists(means, shelf, shard, rows[index : index + 1], own)
            ranked.put(index, own)
        return ranked

    def explore(self, shard: ProfileShard, users: Int32s, ranked: Ranked) -> dict[int, Explored]:
        """New items for the ends of some of the users' lists, by number of the list, as `recommend` has just made them.

        Takes the last place of a full list out of `ranked`; the items themselves need not have a row.
        """
        own = self._assortment.own_shelves(shard.users.hashes[users])
        return self._explorer.explore(self.knowledge, shard, users, ranked, own)

    def popular(self, size: int) -> tuple[Int32s, npt.NDArray[np.float64]]:
        """Rows of the items most popular over the long run that may be shown, and their shares; pins are kept."""
        shelf = self._assortment.by_row()
        popularity, vectors = self.knowledge.popularity, self.knowledge.vectors
        rows = diverse_rows(shelf, self._rule, popularity, vectors, size, self.scratch.diversity)
        rows = pinned_rows(rows, shelf, size)
        total = max(float(popularity.totals[-1]), 1e-300)
        return rows, popularity.counts[-1, rows] / total

    def set_published_popular(self, rows: Int32s) -> None:
        """Notes the popular list that stands published."""
        self.knowledge.popular[:] = -1
        places = min(len(rows), len(self.knowledge.popular))
        self.knowledge.popular[:places] = rows[:places]

    def set_shown(self, item: str, *, shown: bool, category: str = "") -> None:
        """Lets an item into lists, or keeps it out; known or not. Categories count where they limit lists."""
        self._assortment.set(item, shown=shown, category=category)

    def intervene(self, everyone: Interventions, own: Mapping[str, Interventions]) -> int:
        """From now on this holds for all lists, and for some users' own, by id; returns how many pins got no row."""
        rows = self.vocabulary.admit([item for each in (everyone, *own.values()) for item in each.pins])
        self._make_room()
        self._assortment.intervene(everyone, own)
        return int(np.count_nonzero(rows < 0))

    @property
    def describes(self) -> bool:
        """Whether what the catalogue says of items is of use."""
        return takes_part(self._active, CONTENT)

    def describe_items(self, descriptions: Sequence[Description]) -> int:
        """Takes in what the catalogue says of items, each named once; items that are new get rows while some are free.

        Returns of how many it was news; 0 where the content expert does not take part. Learning depends on what was
        said by then, so the same events and the same descriptions in between lead to the same state.
        """
        if not self.describes:
            return 0
        from models.content_index import take_in_news  # scikit-learn takes a second to load

        rows = self.vocabulary.admit([each.item for each in descriptions])
        self._make_room()
        return take_in_news(self.knowledge, rows, descriptions, self.options.text_encoder)

    def shelf(self) -> Shelf:
        """What the rules say of each row."""
        return self._assortment.by_row()

    def hidden_rows(self) -> Int32s:
        """Rows of the known items that may not stand in lists."""
        rows = self.vocabulary.rows_in_use()
        return rows[~self._assortment.by_row().shown[rows]]

    # -- saving -----------------------------------------------------------------------------------------------

    def dump(self) -> Arrays:
        """What was learned of items, as arrays; shards are dumped one by one."""
        ids, free, knocked = self.vocabulary.dump()
        used = first_rows(self.knowledge, self.vocabulary.rows_used, item_axes(len(self._active)))
        arrays = copied(without_empty(dump(used, "knowledge."), self._active))
        deep = copied(self.foresight.dump(self.knowledge, self.vocabulary.rows_used))
        return arrays | deep | pack_vocabulary("items", ids, free, knocked)

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Takes over what `dump` gave, into a recommender without shards; False = the sequence expert begins anew.

        Raises ValueError when it does not fit.
        """
        self.vocabulary.restore(*unpack_vocabulary("items", arrays))
        empty = self._no_knowledge(self.vocabulary.capacity)
        knowledge = load(empty, switched(arrays, self._active, self._embedding_width), "knowledge.")
        check_rows(knowledge)
        self.foresight.fit(self.vocabulary.capacity)
        is_whole = self.foresight.load(knowledge, self.vocabulary, arrays)
        self.knowledge = knowledge._replace(mixture=activated(knowledge.mixture, self._active))
        self.scratch = self._no_scratch()
        return is_whole

    def dump_shard(self, shard: ProfileShard) -> Arrays:
        """A shard as arrays that name items by id, so that any worker can take it over."""
        rows = shard.item_rows(self.vocabulary.rows_used)
        numbers = np.zeros(self.vocabulary.rows_used, np.int32)
        numbers[rows] = np.arange(len(rows))
        ids, offsets = pack(self.vocabulary.ids_of(rows.tolist()))
        users = pack_vocabulary("users", *shard.users.dump())
        return shard.dump(numbers) | users | {"named.bytes": ids, "named.offsets": offsets}

    def _no_scratch(self) -> Scratch:
        return Scratch.empty(self.vocabulary.capacity, len(self.experts), self.options.sequence.proposals)

    def _no_knowledge(self, items: int) -> Knowledge:
        return Knowledge.empty(items, self._active, self._embedding_width)

    def load_shard(self, arrays: Mapping[str, npt.NDArray[Any]]) -> ProfileShard:
        """The shard that `dump_shard` gave, in the rows of this recommender. Raises ValueError when it does not fit.

        Items that this recommender does not know and has no room for are forgotten.
        """
        shard = ProfileShard(self.options.max_users)
        shard.users.restore(*unpack_vocabulary("users", arrays))
        rows = self.vocabulary.admit(unpack(arrays["named.bytes"], arrays["named.offsets"]))
        self._make_room()
        shard.load(arrays, rows)
        self._shards.append(shard)
        return shard

    # -- sizes ------------------------------------------------------------------------------------------------

    def item_bytes(self) -> int:
        """Memory of all tables of items."""
        self._assortment.by_row()
        tables = size_bytes(self.knowledge) + size_bytes(self.scratch)
        return tables + self.foresight.size_bytes() + self._assortment.size_bytes()

    def expert_names(self, experts: Iterable[int]) -> list[str]:
        """Names of experts by their index, as `Ranked.experts` gives them."""
        return [self.experts[expert] for expert in experts]

    @property
    def mixture(self) -> Mixture:
        """The weights of the experts by context."""
        return self.knowledge.mixture
