"""The sequence expert's torch side: it encodes histories for the kernels, and is trained beside the stream.

Three copies: what training changes; the moving average of that, which is steadier (Polyak & Juditsky 1992); and what
serves, which takes over the average where the next training begins. So a training has an interval of events for its
work, may run in a thread of its own, and serving meets the same parameters however long it took.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models.batch import Float32s, Int32s, Int64s
from models.experts.sequence import TRAINED_AT, UPDATES, WIDTH, WINDOW_EVENTS, Foreseen, Sequence, first_vectors
from models.neural.attention import NewestAttention
from models.neural.encoders.encoder import EncoderConfig
from models.neural.encoders.registry import ENCODERS
from models.neural.reading import BIAS, ITEMS, Tables, parameters_of, read, share
from models.neural.training import State, draw_batches, train

Arrays = dict[str, npt.NDArray[Any]]
Work = Callable[[], None]

CHUNK = 32
_SEED = 25
PREFIX = "sequence."
NEWEST = "attention"


class OnlineModel:
    """Encoder and item vectors of n rows.

    `begin` starts the work of a training and returns what waits for its end.
    """

    def __init__(self, rows: int, encoder: str, begin: Callable[[Work], Work]) -> None:
        """Raises ValueError for the name of no encoder."""
        self._begin = begin
        self._prefix = f"{PREFIX}{encoder}."
        self._wait: Work = _nothing
        self._training = new_encoder(encoder).train()
        self._serving = new_encoder(encoder).eval()
        items: Tables = {ITEMS: first_vectors(rows), BIAS: np.zeros(rows, np.float32)}
        self.state = State.first(items | parameters_of(self._training))
        share(self._training, self.state.values)
        self._served = parameters_of(self._serving)
        share(self._serving, self._served)
        self._pending = np.zeros(1, np.bool_)

    # -- serving ----------------------------------------------------------------------------------------------

    def encode(self, sequence: Sequence, foreseen: Foreseen, count: int) -> None:
        """Sets the vectors of the histories that ask, among the first `count`.

        In chunks of one size, filled up: then a vector does not depend, to the last bit, on what is encoded with it.
        """
        asked = np.flatnonzero(foreseen.asked[:count])
        if not sequence.counters[UPDATES] or not len(asked):
            return
        torch.set_num_threads(1)
        table = torch.from_numpy(sequence.items)  # (n, 64)
        with torch.inference_mode():
            for start in range(0, len(asked), CHUNK):
                chosen = asked[start : start + CHUNK]
                histories = np.zeros((CHUNK, WINDOW_EVENTS), np.int64)
                histories[: len(chosen)] = foreseen.histories[chosen]
                vectors = read(self._serving, table, torch.from_numpy(histories))  # (32, 64)
                foreseen.vectors[chosen] = vectors.numpy()[: len(chosen)]

    # -- training ---------------------------------------------------------------------------------------------

    def train(self, sequence: Sequence, events: int, known: Int64s, shares: Float32s) -> None:
        """Takes over what the training before came to, and begins one on the examples as they are now.

        `known` (k,) are the rows of the items that came, ascending, `shares` (k,) their parts of all events.
        """
        self.take_over(sequence)
        state, encoder = self.state, self._training
        batches = draw_batches(sequence, state.trained, known, shares)
        self._wait = self._begin(lambda: train(state, encoder, batches))
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
        share(self._training, self.state.values)

    def forget(self, sequence: Sequence, rows: Int32s) -> None:
        """The rows go to other items."""
        self.settle()
        first = first_vectors(len(sequence.bias))[rows]
        self.state.forget(rows, first)
        sequence.items[rows], sequence.bias[rows] = first, 0

    # -- saving -----------------------------------------------------------------------------------------------

    def dump(self, rows: int) -> Arrays:
        """All of it as arrays by name, of the first `rows` items."""
        self.settle()
        arrays: Arrays = {f"serving.{name}": array for name, array in self._served.items()}
        for part, tables in zip(State._fields, self.state[:4], strict=False):
            for name, array in tables.items():
                arrays[f"training.{part}.{name}"] = array[:rows] if name in (ITEMS, BIAS) else array
        arrays |= {"training.steps": self.state.trained, "training.rate": self.state.rate, "pending": self._pending}
        return {self._prefix + name: array for name, array in arrays.items()}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Takes over what `dump` gave; False = it has nothing of this encoder. Raises ValueError for damage."""
        if not any(name.startswith(self._prefix) for name in arrays):
            return False
        for name, own in self.dump(len(self.state.values[BIAS])).items():
            saved = arrays.get(name)
            if saved is None or saved.dtype != own.dtype or saved.ndim != own.ndim or saved[:0].shape != own[:0].shape:
                raise ValueError(f"table {name} is missing or of another shape or type")
            if len(saved) > len(own):
                raise ValueError(f"table {name} has {len(saved)} rows, there is room for {len(own)}")
            own[: len(saved)] = saved
        return True

    @property
    def trained(self) -> tuple[int, int]:
        """Steps so far, and steps that were dropped because they were not finite."""
        steps, dropped = self.state.trained.tolist()
        return steps, dropped

    def size_bytes(self) -> int:
        """Memory of all tables."""
        return sum(array.nbytes for array in self.dump(len(self.state.values[BIAS])).values())


def new_encoder(name: str) -> nn.Module:
    """Always the same for a name. Raises ValueError for the name of none."""
    if name not in (NEWEST, *ENCODERS):
        raise ValueError(f"there is no encoder {name!r}; there are {[NEWEST, *ENCODERS]}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        if name == NEWEST:
            return NewestAttention(WIDTH, WINDOW_EVENTS)
        return ENCODERS[name](EncoderConfig(width=WIDTH, length=WINDOW_EVENTS, blocks=1))


def _nothing() -> None:
    pass
