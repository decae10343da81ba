"""Views of histories: what cropping, masking and reordering keep of them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.neural.views import CROPPED_SHARE, MASKED_SHARE, REORDERED_SHARE, VIEWS, augmented, crop, drawn_view, mask
from models.neural.views import reorder as reordered

COLUMNS = 12
COUNTS = st.lists(st.integers(1, COLUMNS), min_size=1, max_size=6)
SEEDS = st.integers(0, 1000)


def histories_of(counts: list[int]) -> Tensor:
    """Rows of so many places each, which all differ."""
    places = torch.arange(len(counts) * COLUMNS).reshape(-1, COLUMNS).flip(1)
    return torch.where(torch.arange(COLUMNS) < torch.tensor(counts)[:, None], places, -1)


def known(row: Tensor) -> list[int]:
    """The places of a row; nothing stands between or before them."""
    found: list[int] = row[row >= 0].tolist()
    assert row.tolist() == found + [-1] * (len(row) - len(found))
    return found


@given(COUNTS, SEEDS)
def test_cropping_keeps_a_run_of_the_history(counts: list[int], seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        places = histories_of(counts)
        view = crop(places)
    for count, whole, part in zip(counts, map(known, places), map(known, view.places), strict=True):
        assert len(part) == max(int(CROPPED_SHARE * count), min(count, 2))
        assert any(whole[start : start + len(part)] == part for start in range(count))
    assert not view.hidden.any()


@given(COUNTS, SEEDS)
def test_masking_hides_a_share_of_the_history_and_one_event_at_least(counts: list[int], seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        places = histories_of(counts)
        view = mask(places)
    assert torch.equal(view.places, places)
    assert view.hidden.sum(1).tolist() == [max(int(MASKED_SHARE * count), 1) for count in counts]
    assert not view.hidden[places < 0].any()


@given(COUNTS, SEEDS)
def test_reordering_shuffles_a_run_and_leaves_the_others_where_they_were(counts: list[int], seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        places = histories_of(counts)
        view = reordered(places)
    for count, whole, part in zip(counts, map(known, places), map(known, view.places), strict=True):
        assert sorted(part) == sorted(whole)
        moved = [column for column in range(count) if whole[column] != part[column]]
        assert not moved or max(moved) - min(moved) < int(REORDERED_SHARE * count)
    assert not view.hidden.any()


@pytest.mark.usefixtures("seeded_torch")
def test_views_start_and_end_anywhere() -> None:
    places = histories_of([10] * 400)
    first = crop(places).places[:, 0] - places[:, 0]
    assert set(first.tolist()) == {-start for start in range(5)}
    changed = (reordered(places).places != places)[:, :10]
    assert changed.any(0).all()


@pytest.mark.usefixtures("seeded_torch")
def test_half_of_the_histories_are_augmented_each_in_one_of_the_named_views() -> None:
    places = histories_of([10] * 1000)
    view = augmented(places, ("crop", "mask"))
    cropped, masked = (view.places != places).any(1), view.hidden.any(1)
    assert not (cropped & masked).any()
    assert 0.2 < cropped.float().mean() < 0.3
    assert 0.2 < masked.float().mean() < 0.3
    assert torch.equal(augmented(places, ()).places, places)


@pytest.mark.usefixtures("seeded_torch")
def test_every_named_view_is_drawn_as_often() -> None:
    places = histories_of([10] * 1000)
    view = drawn_view(places, tuple(VIEWS))
    masked = view.hidden.any(1)
    cropped = (view.places >= 0).sum(1) < 10
    assert 0.28 < masked.float().mean() < 0.39
    assert 0.28 < cropped.float().mean() < 0.39
    assert 0.25 < ((view.places != places).any(1) & ~cropped).float().mean() < 0.39
