"""The content index: takes in what the catalogue says of items, and finds which of them are alike."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from models.batch import Int32s, Int64s
from models.descriptions import Description
from models.embeddings import embeddings_of
from models.experts.content import BUCKETS, Content, forget_content, novelty_of, offer_all
from models.hashed_terms import terms_of
from models.knowledge import EVENTS, Knowledge
from models.text_encoder import TextEncoder

LEAST_COSINE = 0.02
PAIRS_AT_ONCE = 4_000_000
ITEMS_AT_ONCE = 2048


def take_in_news(
    knowledge: Knowledge, rows: Int32s, descriptions: Sequence[Description], encoder: TextEncoder | None
) -> int:
    """Takes in what is not known yet of the items in these rows, -1 = it has none; returns of how many it was."""
    name = encoder.name if encoder else ""
    digests = knowledge.content.digests
    news = [
        place
        for place, (row, said) in enumerate(zip(rows.tolist(), descriptions, strict=True))
        if row >= 0 and digests[row] != said.digest(name)
    ]
    for start in range(0, len(news), ITEMS_AT_ONCE):
        part = news[start : start + ITEMS_AT_ONCE]
        _take_in(knowledge, rows[part], [descriptions[place] for place in part], encoder)
    return len(news)


def _take_in(
    knowledge: Knowledge, rows: Int32s, descriptions: Sequence[Description], encoder: TextEncoder | None
) -> None:
    """Takes in what is said of the items in these rows, each named once, and finds their similar items anew."""
    content = knowledge.content
    forget_content(content, rows)
    _write(content, rows, descriptions, encoder)
    unmet = rows[knowledge.events[rows] == 0]
    knowledge.history.first[unmet] = knowledge.counters[EVENTS]
    known = np.flatnonzero(content.digests)
    others = _terms(content, known).T.tocsr()
    novelty = novelty_of(knowledge.events, knowledge.history.first, int(knowledge.counters[EVENTS]))
    is_new = np.zeros(len(content.digests), np.bool_)
    is_new[rows] = True
    size = max(1, PAIRS_AT_ONCE // len(known))
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        alike = _cosines(content, part, known, others)
        near = known[alike.indices].astype(np.int32)
        offer_all(content, novelty, part, is_new, alike.indptr, near, alike.data)


def _write(content: Content, rows: Int32s, descriptions: Sequence[Description], encoder: TextEncoder | None) -> None:
    """Terms and embeddings of what is said, which together make vectors of length 1."""
    ready_width = content.embeddings.shape[1] - (encoder.width if encoder else 0)
    embeddings = embeddings_of(descriptions, ready_width, encoder)
    terms, weights = terms_of(content, descriptions)
    squares = (weights * weights).sum(axis=1, keepdims=True) + (embeddings * embeddings).sum(axis=1, keepdims=True)
    lengths = np.sqrt(np.maximum(squares, np.float32(1e-9)))
    content.terms[rows], content.weights[rows], content.embeddings[rows] = (
        terms,
        weights / lengths,
        embeddings / lengths,
    )
    content.digests[rows] = [each.digest(encoder.name if encoder else "") for each in descriptions]


def _cosines(content: Content, part: Int32s, known: Int64s, others: csr_matrix) -> csr_matrix:
    """Of the items in rows `part` (m,) with those in rows `known` (n,), whose terms are `others`; small ones are 0."""
    alike = _terms(content, part) @ others
    if content.embeddings.shape[1]:
        alike = csr_matrix(alike.toarray() + content.embeddings[part] @ content.embeddings[known].T)
    alike.data[alike.data < LEAST_COSINE] = 0
    alike.eliminate_zeros()
    return alike


def _terms(content: Content, rows: Int32s | Int64s) -> csr_matrix:
    """(n, buckets) of these rows."""
    terms, weights = content.terms[rows], content.weights[rows]
    there = terms >= 0
    starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return csr_matrix((weights[there], terms[there], starts), (len(terms), BUCKETS))
