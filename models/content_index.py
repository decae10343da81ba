"""The content index: takes in what the catalogue says of items, and finds which of them are alike."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from models.batch import Float32s, Int32s
from models.descriptions import Description
from models.experts.content import BUCKETS, forget_content, novelty_of, offer_all
from models.hashed_terms import terms_of
from models.knowledge import EVENTS, Knowledge

LEAST_COSINE = 0.02
PAIRS_AT_ONCE = 4_000_000
ITEMS_AT_ONCE = 2048


def take_in_news(knowledge: Knowledge, rows: Int32s, descriptions: Sequence[Description]) -> int:
    """Takes in what is not known yet of the items in these rows, -1 = it has none; returns of how many it was."""
    digests = knowledge.content.digests
    news = [
        place
        for place, (row, said) in enumerate(zip(rows.tolist(), descriptions, strict=True))
        if row >= 0 and digests[row] != said.digest
    ]
    for start in range(0, len(news), ITEMS_AT_ONCE):
        part = news[start : start + ITEMS_AT_ONCE]
        _take_in(knowledge, rows[part], [descriptions[place] for place in part])
    return len(news)


def _take_in(knowledge: Knowledge, rows: Int32s, descriptions: Sequence[Description]) -> None:
    """Takes in what is said of the items in these rows, each named once, and finds their similar items anew."""
    content = knowledge.content
    forget_content(content, rows)
    content.terms[rows], content.weights[rows] = terms_of(content, descriptions)
    content.digests[rows] = [each.digest for each in descriptions]
    unmet = rows[knowledge.events[rows] == 0]
    knowledge.history.first[unmet] = knowledge.counters[EVENTS]
    known = np.flatnonzero(content.digests)
    others = _matrix(content.terms[known], content.weights[known]).T.tocsr()
    novelty = novelty_of(knowledge.events, knowledge.history.first, int(knowledge.counters[EVENTS]))
    size = max(1, PAIRS_AT_ONCE // len(known))
    is_new = np.zeros(len(content.digests), np.bool_)
    is_new[rows] = True
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        alike = _matrix(content.terms[part], content.weights[part]) @ others
        alike.data[alike.data < LEAST_COSINE] = 0
        alike.eliminate_zeros()
        offer_all(
            content,
            novelty,
            part,
            is_new,
            alike.indptr,
            known[alike.indices].astype(np.int32),
            alike.data,
        )


def _matrix(terms: Int32s, weights: Float32s) -> csr_matrix:
    """(n, buckets)."""
    there = terms >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return csr_matrix((weights[there], terms[there], starts), (len(terms), BUCKETS))
