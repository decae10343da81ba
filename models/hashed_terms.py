"""Hashed terms of descriptions: words, pairs of words, phrases and authors, weighed; the heaviest of each are kept.

Term frequency times inverse document frequency (Salton & Buckley 1988) in a hashed space (Weinberger et al. 2009), so
that no vocabulary is kept. How many items have a term is counted as they come, so what comes early is weighed by less.
"""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from models.batch import Float32s, Int32s
from models.descriptions import Description
from models.experts.content import BUCKETS, TERMS, Content

WORDS_SHARE, PHRASES_SHARE, AUTHORS_SHARE = 1.0, 0.5, 0.5


def terms_of(content: Content, descriptions: Sequence[Description]) -> tuple[Int32s, Float32s]:
    """The heaviest terms of each description, (n, 96): buckets, -1 = fewer terms, and weights, a unit vector each.

    Counts the descriptions among those that `content` knows.
    """
    parts = _parts(descriptions)
    content.counters[0] += len(descriptions)
    content.items_with_term[:] += _items_with_term(parts)
    return _heaviest(_whole(parts, int(content.counters[0]), content.items_with_term))


def rows_of(descriptions: Sequence[Description]) -> csr_matrix:
    """All terms of each description, (n, buckets), a unit vector each; rarity is counted among these descriptions."""
    parts = _parts(descriptions)
    return normalize(_whole(parts, len(descriptions), _items_with_term(parts)))


def _items_with_term(parts: Sequence[tuple[float, csr_matrix]]) -> Int32s:
    found = sum(np.bincount(counts.indices, minlength=BUCKETS) for _, counts in parts)
    return np.asarray(found, np.int32)


def _whole(parts: Sequence[tuple[float, csr_matrix]], items: int, items_with_term: Int32s) -> csr_matrix:
    rarity = np.log((1.0 + items) / (1.0 + items_with_term)) + 1.0
    return csr_matrix(sum(_weighed(counts, rarity) * np.sqrt(share) for share, counts in parts))


def _parts(descriptions: Sequence[Description]) -> list[tuple[float, csr_matrix]]:
    """What each part is worth, and how often it has each term, (n, buckets)."""
    words = [each.words for each in descriptions]
    phrases = [_prefixed("phrase", each.phrases) for each in descriptions]
    authors = [_prefixed("author", each.authors) for each in descriptions]
    return [
        (WORDS_SHARE, _words().transform(words)),
        (PHRASES_SHARE, _listed().transform(phrases)),
        (AUTHORS_SHARE, _listed().transform(authors)),
    ]


def _prefixed(prefix: str, phrases: Iterable[str]) -> list[str]:
    return [f"{prefix}:{phrase.lower()}" for phrase in phrases]


@cache
def _words() -> HashingVectorizer:
    return HashingVectorizer(n_features=BUCKETS, ngram_range=(1, 2), alternate_sign=False, norm=None, dtype=np.float32)


@cache
def _listed() -> HashingVectorizer:
    """For what is a list already."""
    return HashingVectorizer(n_features=BUCKETS, analyzer=list, alternate_sign=False, norm=None, dtype=np.float32)


def _weighed(counts: csr_matrix, rarity: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> csr_matrix:
    """Unit rows of (1 + log frequency) times rarity."""
    weights = (1.0 + np.log(counts.data)) * rarity[counts.indices]
    return normalize(csr_matrix((weights.astype(np.float32), counts.indices, counts.indptr), counts.shape))


def _heaviest(whole: csr_matrix) -> tuple[Int32s, Float32s]:
    terms = np.full((whole.shape[0], TERMS), -1, np.int32)
    weights = np.zeros((whole.shape[0], TERMS), np.float32)
    for row in range(whole.shape[0]):
        part = slice(whole.indptr[row], whole.indptr[row + 1])
        order = np.argsort(-whole.data[part], kind="stable")[:TERMS]
        terms[row, : len(order)] = whole.indices[part][order]
        weights[row, : len(order)] = whole.data[part][order]
    lengths = np.sqrt((weights * weights).sum(axis=1, keepdims=True))
    return terms, weights / np.maximum(lengths, np.float32(1e-9))
