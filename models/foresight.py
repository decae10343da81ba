"""Foresight: what the compiled passes cannot do for the sequence expert, and torch does before and between them.

A pass over events or users is cut into parts of which torch encodes the histories beforehand; a part ends where the
expert is to be trained. That place depends on the events learned alone, so the state is the same however the stream
was cut.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from models.batch import Float32s, Int32s
from models.experts.sequence import (
    FORESEEN,
    TRAINED_AT,
    Foreseen,
    earlier_of_user,
    events_until_training,
    foresee_events,
    foresee_users,
    forget_sequence,
)
from models.knowledge import EVENTS, Knowledge
from models.profiles import Profiles
from models.sequence_options import SequenceOptions
from models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from models.neural.online import OnlineModel

Arrays = dict[str, npt.NDArray[Any]]


class Trainings(NamedTuple):
    """What became of trainings: begun, left out by the budget; and of their steps and the lists.

    Steps dropped changed nothing but the rate; users skipped got a list without the expert, for want of time.
    """

    begun: int = 0
    left_out: int = 0
    steps_dropped: int = 0
    users_skipped: int = 0

    def since(self, before: "Trainings") -> "Trainings":
        """What came after `before`."""
        return Trainings._make(now - then for now, then in zip(self, before, strict=True))


class Begin(Protocol):
    """Lets a training run, at once or beside what follows, and says how long lists may wait for the expert."""

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Returns what waits until the work is done."""

    def is_free(self) -> bool:
        """Whether the next training may begin; the budget may say no."""

    def begin_round(self) -> Callable[[], bool]:
        """A round of lists begins; what is returned says whether there is time to encode some more histories for it."""


class AtOnce:
    """Trainings run where they begin, so the same events always lead to the same state."""

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Does the work."""
        work()
        return lambda: None

    def is_free(self) -> bool:
        """Always."""
        return True

    def begin_round(self) -> Callable[[], bool]:
        """There is always time."""
        return always


class Foresight:
    """Of a recommender whose tables hold `rows` items; does nothing where the sequence expert is off."""

    def __init__(self, rows: int, options: SequenceOptions, *, on: bool, begin: Begin) -> None:
        """Raises ValueError for the name of no encoder, and for a base that does not fit."""
        self._interval_events = options.interval_events
        self._begin = begin
        self._begun = self._left_out = self._skipped = 0
        self._told = Trainings()
        self._model = _online_model(rows, options, begin) if on else None

    def parts_of_events(
        self,
        knowledge: Knowledge,
        profiles: Profiles,
        columns: tuple[Int32s, Int32s, Float32s],
        foreseen: Foreseen,
        lessons: tuple[int, int],
    ) -> Iterator[tuple[int, int]]:
        """Places from where to where events are to be learned next; the caller does so before it asks for more.

        `columns` are users, items and weights; `lessons` what `is_lesson_due` is asked with.
        """
        start, events = 0, len(columns[0])
        while start < events:
            stop = events
            if self._model:
                part = slice(start, start + FORESEEN)
                soon = columns[0][part], columns[1][part], columns[2][part]
                stop = start + self._foresee(self._model, knowledge, profiles, soon, foreseen, lessons)
            yield start, stop
            self._train_if_due(knowledge)
            start = stop

    def _foresee(
        self,
        model: "OnlineModel",
        knowledge: Knowledge,
        profiles: Profiles,
        columns: tuple[Int32s, Int32s, Float32s],
        foreseen: Foreseen,
        lessons: tuple[int, int],
    ) -> int:
        learned = int(knowledge.counters[EVENTS])
        until = events_until_training(knowledge.sequence, learned, self._interval_events)
        users, items, weights = columns
        earlier, (warmup, every) = earlier_of_user(users), lessons
        count = foresee_events(profiles, learned, users, items, weights, earlier, until, warmup, every, foreseen)
        model.encode(knowledge.sequence, foreseen, count, always)
        return count

    def parts_of_users(
        self, knowledge: Knowledge, profiles: Profiles, users: Int32s, foreseen: Foreseen
    ) -> Iterator[slice]:
        """Parts of the users that are to be ranked next; where time runs out, without the expert."""
        has_time = self._begin.begin_round()
        size = FORESEEN if self._model else max(1, len(users))
        for start in range(0, len(users), size):
            part = slice(start, min(start + size, len(users)))
            if self._model:
                foresee_users(profiles, users[part], foreseen)
                self._skipped += self._model.encode(knowledge.sequence, foreseen, part.stop - start, has_time)
            yield part

    def _train_if_due(self, knowledge: Knowledge) -> None:
        learned = int(knowledge.counters[EVENTS])
        if not self._model or learned - knowledge.sequence.counters[TRAINED_AT] < self._interval_events:
            return
        if not self._begin.is_free():
            knowledge.sequence.counters[TRAINED_AT] = learned
            self._model.refresh(knowledge)
            self._left_out += 1
            return
        known = np.flatnonzero(knowledge.events)
        counts, whole = knowledge.popularity.counts[-1, known], knowledge.popularity.totals[-1]
        shares = (counts / max(whole, 1e-300)).astype(np.float32)
        self._model.train(knowledge.sequence, learned, known, shares)
        self._model.refresh(knowledge)
        self._begun += 1

    def fit(self, rows: int) -> None:
        """The tables of items have so many rows now."""
        if self._model:
            self._model.fit(rows)

    def place(self, knowledge: Knowledge, vocabulary: Vocabulary) -> None:
        """Items that got a row take what a base knows of them."""
        if self._model:
            self._model.place(knowledge.sequence, vocabulary)

    def forget_items(self, knowledge: Knowledge, rows: Int32s) -> None:
        """The rows go to other items."""
        forget_sequence(knowledge.sequence, rows)
        if self._model:
            self._model.forget(knowledge.sequence, rows)

    def dump(self, knowledge: Knowledge, rows: int) -> Arrays:
        """What is saved besides knowledge, or in place of parts of it, of so many rows."""
        return self._model.dump(knowledge.sequence, rows) if self._model else {}

    def load(self, knowledge: Knowledge, vocabulary: Vocabulary, arrays: Mapping[str, npt.NDArray[Any]]) -> bool:
        """Takes over what `dump` gave; False = another encoder, base, head or tuning, which begins anew.

        Raises ValueError when it does not fit.
        """
        is_whole = self._model is None or self._model.load(knowledge.sequence, vocabulary, arrays)
        if self._model:
            self._model.refresh(knowledge)
        self._told = self.trainings
        return is_whole

    def size_bytes(self) -> int:
        """Memory of what training needs."""
        return self._model.size_bytes() if self._model else 0

    def news(self) -> Trainings:
        """What became of trainings since this was asked last."""
        now = self.trainings
        told, self._told = self._told, now
        return now.since(told)

    @property
    def trainings(self) -> Trainings:
        """Of this process; dropped steps of all that led to the models."""
        return Trainings(self._begun, self._left_out, self._model.trained[1] if self._model else 0, self._skipped)


def check_base(options: SequenceOptions) -> None:
    """Raises ValueError or KeyError for a base whose encoder there is not, or whose parameters are another one's."""
    from models.neural.tuned import new_encoder  # torch takes seconds to load

    new_encoder(options)


def always() -> bool:
    """There is time."""
    return True


def _online_model(rows: int, options: SequenceOptions, begin: Begin) -> "OnlineModel":
    from models.neural.online import OnlineModel as Model  # torch takes seconds to load

    return Model(rows, options, begin)
