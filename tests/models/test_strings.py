import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.strings import pack, unpack

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=12)


@given(TEXTS)
def test_texts_come_back_as_they_were(texts: list[str]) -> None:
    content, offsets = pack(texts)
    assert len(offsets) == len(texts) + 1
    assert unpack(content, offsets) == texts


@pytest.mark.parametrize(
    "offsets",
    [[], [1, 4], [0, 3], [0, 5], [0, 3, 2, 4], [0, -1, 4], [0, 2**62, 4], [-4, 4], [0, 1, 4]],
    ids=str,
)
def test_offsets_that_no_list_of_texts_has_are_refused(offsets: list[int]) -> None:
    content = np.frombuffer("aüb".encode(), np.uint8)
    assert unpack(content, np.array([0, 1, 3, 4])) == ["a", "ü", "b"]
    if offsets == [0, 1, 4]:
        content = content[::-1]
    with pytest.raises(ValueError, match=r"offsets|utf-8"):
        unpack(content, np.array(offsets, np.int64))


@given(st.binary(max_size=20), st.lists(st.integers(-3, 25) | st.integers(-(2**63), 2**63 - 1), max_size=6))
def test_whatever_is_read_either_is_texts_or_is_refused(raw: bytes, offsets: list[int]) -> None:
    content, bounds = np.frombuffer(raw, np.uint8), np.array(offsets, np.int64)
    try:
        texts = unpack(content, bounds)
    except ValueError:
        return
    again, same = pack(texts)
    assert (again.tobytes(), same.tolist()) == (raw, offsets)


def test_columns_of_other_types_are_refused() -> None:
    content, offsets = pack(["a", "b"])
    for wrong in ((content.astype(np.int64), offsets), (content, offsets.astype(np.float64)), (content, offsets[None])):
        with pytest.raises(ValueError, match="column"):
            unpack(*wrong)
