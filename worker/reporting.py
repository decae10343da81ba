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
            report = Report(item, f"{stable_hash(user):016x}", int(cleaned.batch.times_ms[place]))
            self._notes.leave(review_key(report), report)
