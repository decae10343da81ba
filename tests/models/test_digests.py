from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.digests import combined, digest

TEXTS = st.lists(st.text(max_size=20), max_size=10)


def test_keys_mean_the_same_in_every_process() -> None:
    known = [6238072747940578789, 10461723581112902116, 14269665621126961587, 6810682765706912360]
    assert digest(["", "a", "user-12345", "ü"]).keys.tolist() == known


@given(TEXTS, TEXTS)
def test_a_key_does_not_depend_on_what_stands_beside_the_text(left: list[str], right: list[str]) -> None:
    alone = [int(digest([text]).keys[0]) for text in left + right]
    assert digest(left + right).keys.tolist() == alone


@given(TEXTS)
def test_lengths_and_controls_are_noticed(texts: list[str]) -> None:
    found = digest(texts)
    if not any("\0" in text for text in texts):
        assert found.shortest_bytes == min((len(text.encode()) for text in texts), default=0)
        assert found.longest_bytes == max((len(text.encode()) for text in texts), default=0)
    assert found.has_controls == any(byte < 32 or byte == 127 for text in texts for byte in text.encode())


def test_a_hundred_thousand_similar_texts_have_different_keys() -> None:
    texts = [f"{prefix}{number}" for number in range(25_000) for prefix in ("", "u", "user-", "customer-number-")]
    assert len(np.unique(digest(texts).keys)) == len(texts)


def test_texts_that_differ_in_padding_or_length_have_different_keys() -> None:
    texts = ["", "a", "aa", "a" * 7, "a" * 8, "a" * 9, "a" * 16, "\x01a", "\x01" * 8 + "a", "ba", "ab"]
    keys = digest(texts).keys.tolist()
    assert all(left != right for left, right in combinations(keys, 2))


def test_pairs_are_ordered_and_no_key_is_zero() -> None:
    one, two = digest(["a", "b"]).keys, digest(["b", "a"]).keys
    assert combined(one, two)[0] != combined(one, two)[1]
    zeros = np.zeros(1, np.uint64)
    assert combined(zeros, zeros)[0] != 0
