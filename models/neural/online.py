"""The sequence expert's torch side: it encodes histories for the kernels, and is trained beside the stream.

Three copies: what training changes; the moving average of that, which is steadier (Polyak & Juditsky 1992); and what
serves, which takes over the average where the next training begins. So a training has an interval of events for its
work, may run in a thread of its own, and serving meets the same parameters however long it took.

With a base, the encoder and the vectors of items that it knows start there. Where only an adapter is trained
(`adapters.py`), these vectors stand still, and what is saved is the adapter, all biases, and the other items.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.batch import Float32s, Int32s, Int64s
from models.experts.sequence import TRAINED_AT, UPDATES, Foreseen, Sequence, first_vectors
from models.knowledge import Knowledge
from models.neural.proposals import Proposals
from models.neural.reading import BIAS, ITEMS, Tables
from models.neural.serving import CHUNK, reader_of
from models.neural.training import State, draw_batches, train
from models.neural.tuned import new_encoder
from models.sequence_options import EVERYTHING, BaseModel, SequenceOptions
from models.vocabulary import Vocabulary

Arrays = dict[str, npt.NDArray[Any]]
Work = Callable[[], None]

SAVED = "sequence."
FIRST_RATE = 0.003
BASE_RATE = 0.0003
MOST_STEPS = 1 << 40
_CHECKSUM, _HEADS = "base", "heads"
_TABLE = "knowledge.sequence.items"


class OnlineModel:
    """Encoder and item vectors of n rows.

    `begin` starts the work of a training and returns what waits for its end.
    """

    def __init__(self, rows: int, options: SequenceOptions, begin: Callable[[Work], Work]) -> None:
        """Raises ValueError for the name of no encoder, and for a base that does not fit."""
        self._begin = begin
        self._wait: Work = _nothing
        self._base = base = options.base
        self._identity = _identity(base)
        self._freezes_items = options.tuning != EVERYTHING
        self._prefix = f"{SAVED}{base.encoder if base else options.encoder}.{options.tuning}."
        self._training, self._serving = new_encoder(options), new_encoder(options)
        self._training.encoder.train()
        self._serving.encoder.eval()
        self._reader = reader_of(self._serving)
        items: Tables = {ITEMS: first_vectors(rows), BIAS: np.zeros(rows, np.float32)}
        rate = options.rate or (BASE_RATE if base else FIRST_RATE)
        self.state = State.first(items | self._training.adapter.first(), rate)
        self._served = self._serving.adapter.first()
        self._pending = np.zeros(1, np.bool_)
        self._placed = np.zeros(rows, np.bool_)
        self._proposals = Proposals(rows, base if options.proposals else None)

    # -- serving ----------------------------------------------------------------------------------------------

    def encode(self, sequence: Sequence, foreseen: Foreseen, count: int, has_time: Callable[[], bool]) -> int:
        """Sets the vectors of the histories that ask, among the first `count`; returns how many time did not allow.

        Those that are left out ask no more.
        """
        asked = np.flatnonzero(foreseen.asked[:count])
        if not sequence.counters[UPDATES] or not len(asked):
            return 0
        torch.set_num_threads(1)
        for start in range(0, len(asked), CHUNK):
            if not has_time():
                foreseen.asked[asked[start:]] = False
                return len(asked) - start
            chosen = asked[start : start + CHUNK]
            foreseen.vectors[chosen] = self._reader.read(sequence.items, foreseen.histories[chosen])
            if foreseen.proposals.shape[1]:
                foreseen.proposals[chosen] = self._proposed(sequence, foreseen, chosen)
        return 0

    def _proposed(self, sequence: Sequence, foreseen: Foreseen, chosen: Int64s) -> Int32s:
        """(b, p) for these b users, of which there are 32 at most: sums depend on how many there are."""
        users = np.zeros((CHUNK, foreseen.vectors.shape[1]), np.float32)
        users[: len(chosen)] = foreseen.vectors[chosen]
        items = torch.from_numpy(sequence.items)  # (n, 64)
        with torch.inference_mode():
            best = self._proposals.best(torch.from_numpy(users), items, foreseen.proposals.shape[1])  # (32, p)
        return best[: len(chosen)]

    def refresh(self, knowledge: Knowledge) -> None:
        """Lets items be proposed that had come when training was due last."""
        sequence, history = knowledge.sequence, knowledge.history
        here = (knowledge.events > 0) & (history.first <= sequence.counters[TRAINED_AT])
        self._proposals.refresh(sequence.items, sequence.bias, here)

    # -- training ---------------------------------------------------------------------------------------------

    def train(self, sequence: Sequence, events: int, known: Int64s, shares: Float32s) -> None:
        """Takes over what the training before came to, and begins one on the examples as they are now.

        `known` (k,) are the rows of the items that came, ascending, `shares` (k,) their parts of all events.
        """
        self.take_over(sequence)
        state, tuned = self.state, self._training
        batches = draw_batches(sequence, state.trained, known, shares)
        self._wait = self._begin(lambda: train(state, tuned, batches))
        self._pending[0] = True
        sequence.counters[TRAINED_AT] = events

    def take_over(self, sequence: Sequence) -> None:
        """What training came to scores from now on."""
        self.settle()
        if not self._pending[0]:
            return
        averages = self.state.averages
        sequence.items[:], sequence.bias[:] = averages[ITEMS], averages[BIAS]
        for name, array in self._served.items():
            array[:] = averages[name]
        self._serve()
        sequence.counters[UPDATES] += 1
        self._pending[0] = False

    def settle(self) -> None:
        """Waits until no training is at work."""
        self._wait()
        self._wait = _nothing

    # -- rows -------------------------------------------------------------------------------------------------

    def fit(self, rows: int) -> None:
        """Makes room for so many rows."""
        self.settle()
        self.state = self.state.with_items(first_vectors(rows))
        self._proposals.fit(rows)
        self._placed = np.append(self._placed, np.zeros(rows - len(self._placed), np.bool_))

    def place(self, sequence: Sequence, vocabulary: Vocabulary) -> None:
        """Items that got a row take what the base says of them.

        No training is waited for: the items of its examples were placed before it began.
        """
        if self._base is None:
            return
        fresh = np.flatnonzero((vocabulary.hashes != 0) & ~self._placed)
        self._placed[fresh] = True
        places = np.array([self._base.rows.get(item, -1) for item in vocabulary.ids_of(fresh.tolist())], np.int64)
        self._proposals.place(fresh, places)
        known = places >= 0
        if not known.any():
            return
        rows, at = fresh[known], places[known]
        items, bias = self._base.items[at], self._base.bias[at]
        self.state.place(rows, items, bias, frozen=self._freezes_items)
        sequence.items[rows], sequence.bias[rows] = items, bias
        sequence.counters[UPDATES] = max(1, sequence.counters[UPDATES])

    def forget(self, sequence: Sequence, rows: Int32s) -> None:
        """The rows go to other items."""
        self.settle()
        first = first_vectors(len(sequence.bias))[rows]
        self.state.forget(rows, first)
        sequence.items[rows], sequence.bias[rows] = first, 0
        self._placed[rows] = False
        self._proposals.forget(sequence.items, rows)

    # -- saving -----------------------------------------------------------------------------------------------

    def dump(self, sequence: Sequence, rows: int) -> Arrays:
        """All of it as arrays by name, of the first `rows` items; of vectors, those that do not stand still."""
        self.settle()
        cuts = {ITEMS: self._free_rows(rows), BIAS: np.arange(rows)}
        arrays = {name: array[cuts[kind]] if kind in cuts else array for name, array, kind in self._tables(sequence)}
        saved = {self._prefix + name: array for name, array in arrays.items()}
        return saved | ({_TABLE: sequence.items[:0]} if self._freezes_items else {})

    def load(self, sequence: Sequence, vocabulary: Vocabulary, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Takes over what `dump` gave, else begins anew: it has nothing of this encoder, base, heads and tuning.

        Raises ValueError for damage.
        """
        self.settle()
        is_ours = self._is_ours(arrays)
        if not is_ours:
            sequence.items[:], sequence.bias[:] = first_vectors(len(sequence.bias)), 0
            sequence.counters[UPDATES] = 0
        served = sequence.items.copy(), sequence.bias.copy()
        self._placed[:] = False
        self.place(sequence, vocabulary)
        if is_ours:
            sequence.items[~self.state.frozen] = served[0][~self.state.frozen]
            sequence.bias[:] = served[1]
            self._take(sequence, arrays)
        return is_ours

    def _is_ours(self, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        saved = {name: arrays.get(f"{self._prefix}{name}") for name in (_CHECKSUM, _HEADS)}
        return {name: bytes(each) for name, each in saved.items() if each is not None} == self._identity

    def _take(self, sequence: Sequence, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        rows = len(arrays.get(f"{self._prefix}training.values.{BIAS}", ()))
        if rows > len(sequence.bias):
            raise ValueError(f"the sequence expert's tables have {rows} rows, there is room for {len(sequence.bias)}")
        cuts = {ITEMS: self._free_rows(rows), BIAS: np.arange(rows)}
        for name, own, kind in self._tables(sequence):
            saved, cut = arrays.get(self._prefix + name), cuts.get(kind, slice(None))
            if saved is None or saved.dtype != own.dtype or saved.shape != own[cut].shape:
                raise ValueError(f"table {self._prefix}{name} is missing or of another shape or type")
            own[cut] = saved
        if not 0 <= int(self.state.trained.min()) <= int(self.state.trained.max()) <= MOST_STEPS:
            raise ValueError("the sequence expert counts steps of training that cannot be")
        self._serve()

    def _serve(self) -> None:
        """What serves is what its tables say."""
        self._serving.write(self._served)
        self._reader.refresh()

    def _tables(self, sequence: Sequence) -> Iterator[tuple[str, npt.NDArray[Any], str]]:
        """(name, table, name of the parameter in it or "") of all that is saved."""
        for name, array in self._served.items():
            yield f"serving.{name}", array, name
        if self._freezes_items:
            yield f"serving.{ITEMS}", sequence.items, ITEMS
        for part, tables in zip(State._fields, self.state[:4], strict=False):
            for name, array in tables.items():
                yield f"training.{part}.{name}", array, name
        yield "training.steps", self.state.trained, ""
        yield "training.rate", self.state.rate, ""
        yield "pending", self._pending, ""
        for name, told in self._identity.items():
            yield name, np.frombuffer(told, np.uint8).copy(), ""

    def _free_rows(self, rows: int) -> Int64s:
        return np.flatnonzero(~self.state.frozen[:rows])

    @property
    def trained(self) -> tuple[int, int]:
        """Steps so far, and steps that were dropped because they were not finite."""
        steps, dropped = self.state.trained.tolist()
        return steps, dropped

    def size_bytes(self) -> int:
        """Memory of all tables."""
        tables = [*self._served.values(), *(table for tables in self.state[:4] for table in tables.values())]
        others: list[npt.NDArray[Any]] = [*self.state[4:], self._pending, self._placed]
        return sum(table.nbytes for table in (*tables, *others)) + self._proposals.size_bytes()


def _identity(base: BaseModel | None) -> dict[str, bytes]:
    """What names a base, and those of its heads that score."""
    if base is None:
        return {_CHECKSUM: b""}
    heads = {_HEADS: "\n".join(base.heads.names).encode()} if base.heads else {}
    return {_CHECKSUM: bytes.fromhex(base.checksum), **heads}


def _nothing() -> None:
    pass
