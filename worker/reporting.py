"""Reporting: what users report goes to where a person looks at it."""

from collections.abc import Collection

import numpy as np

from models.vocabulary import stable_hash
from worker.notes import Notes
from worker.review_records import Report, review_key
from worker.steps.columns import Cleaned


class Reporting:
    """Passes reports on to the review topic; the same user reports an item once."""

    def __init__(self, notes: Notes, kinds: Collection[str]) -> None:
        """`kinds` are those of events that report."""
        self._notes = notes
        self._kinds = frozenset(kinds)

    def look(self, cleaned: Cleaned) -> None:
        """Events that were just learned."""
        codes = [code for code, kind in enumerate(cleaned.kind_names) if kind in self._kinds]
        for place in np.flatnonzero(np.isin(cleaned.kinds, codes)).tolist() if codes else ():
            user, item = cleaned.batch.users[place], cleaned.batch.items[place]
            record_ms, event_ms = int(cleaned.record_times_ms[place]), int(cleaned.batch.times_ms[place])
            reporter = f"{stable_hash(f'{user}{item}'):016x}"  # another one for each item, so that nobody is followed
            report = Report(item, reporter, event_ms if record_ms < 0 else record_ms)
            self._notes.leave(review_key(report), report)
