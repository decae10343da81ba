"""Beyond so many items the sequence expert's proposals come from cells, by faiss: nearly the best, always the same."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from models.batch import Float32s, Interactions
from models.neural import cells, proposals
from models.neural.proposals import Proposals
from models.recommender import Recommender, RecommenderOptions
from models.sequence_options import LORA, BaseModel
from tests.support.bases import TUNINGS, options
from tests.support.learning import assert_same_state, learned, lists_of, random_batch, restored, state_of
from tests.support.sequence import model_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FEW, WIDTH = 10, 16


@pytest.fixture
def few_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten items are many; all cells are looked through, so that what is found is exact."""
    monkeypatch.setattr(proposals, "EXACT_ITEMS", FEW)
    monkeypatch.setattr(cells, "CELLS", 4)
    monkeypatch.setattr(cells, "PROBED", 4)


def chosen(tuning: str) -> RecommenderOptions:
    """Proposes seven items."""
    with_base = options("sasrec", tuning)
    return replace(with_base, sequence=replace(with_base.sequence, proposals=7))


def base_of(items: Float32s, bias: Float32s) -> BaseModel:
    """Of items with these vectors."""
    return BaseModel("00", "gru", {}, {}, {}, items, bias)


def clustered(count: int) -> tuple[Float32s, Float32s]:
    """Vectors around a hundred centres, and biases."""
    draw = np.random.default_rng(3)
    centres = draw.standard_normal((100, WIDTH))
    vectors = centres[draw.integers(0, 100, count)] + 0.4 * draw.standard_normal((count, WIDTH))
    return vectors.astype(np.float32), draw.standard_normal(count).astype(np.float32)


def shelved(items: Float32s, bias: Float32s) -> Proposals:
    """All items may be proposed, and all are of the base."""
    own = Proposals(len(items), base_of(items, bias))
    own.place(np.arange(len(items)), np.arange(len(items)))
    own.refresh(items, bias, np.ones(len(items), np.bool_))
    return own


def test_a_few_of_many_cells_hold_nearly_all_of_the_best_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "CELLS", 128)
    monkeypatch.setattr(cells, "PROBED", 12)
    items, bias = clustered(20_000)
    users = torch.from_numpy(items[::625] * 2)
    exact = shelved(items, bias)
    assert exact._index is None
    monkeypatch.setattr(proposals, "EXACT_ITEMS", 19_999)
    by_cells, anew = shelved(items, bias), shelved(items, bias)
    assert by_cells._index
    awaited, found = (each.best(users, torch.from_numpy(items), 64) for each in (exact, by_cells))
    shares = [len(set(one) & set(other)) / 64 for one, other in zip(awaited.tolist(), found.tolist(), strict=True)]
    assert 0.9 < np.mean(shares) <= 1
    np.testing.assert_array_equal(found, anew.best(users, torch.from_numpy(items), 64))


def test_items_that_were_tuned_and_new_ones_are_found_by_what_they_have_become(few_items: None) -> None:
    items, bias = clustered(40)
    own = Proposals(60, base_of(items, bias))
    own.place(np.arange(60), np.where(np.arange(60) < 40, np.arange(60), -1))
    now, now_bias = clustered(60)
    here = np.arange(60) != 5
    own.refresh(now, now_bias, here)
    logits = torch.from_numpy(now[:8] @ now.T + np.where(here, now_bias, -np.inf))
    found = own.best(torch.from_numpy(now[:8]), torch.from_numpy(now), 9)
    np.testing.assert_array_equal(np.sort(found), np.sort(logits.topk(9)[1].numpy()))


def test_an_item_that_gave_up_its_row_is_not_proposed(few_items: None) -> None:
    items, bias = clustered(40)
    own, users = shelved(items, bias), torch.from_numpy(items[:8])
    gone = own.best(users, torch.from_numpy(items), 9)[0, 0]
    own.forget(items, np.array([gone], np.int32))
    found = own.best(users, torch.from_numpy(items), 9)
    assert own._index
    assert gone not in found
    assert (found >= 0).all()


def test_to_so_many_items_and_without_faiss_all_are_scored(few_items: None, monkeypatch: pytest.MonkeyPatch) -> None:
    items, bias = clustered(11)
    assert shelved(items, bias)._index
    assert shelved(items[:10], bias[:10])._index is None
    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    assert shelved(items, bias)._index is None


@pytest.mark.parametrize("tuning", TUNINGS)
def test_state_and_lists_are_the_same_however_the_stream_is_cut_and_restored(few_items: None, tuning: str) -> None:
    batch = random_batch(28, 330, 9, 60)
    whole, shard = learned(chosen(tuning), batch)
    assert model_of(whole)._proposals._index
    recommender = Recommender(chosen(tuning))
    other = recommender.new_shard()
    for start, stop in pairwise([0, 77, 201, 330]):
        recommender.learn(other, batch.slice(start, stop))
        recommender, other = restored(chosen(tuning), recommender, other)
    assert_same_state(state_of(recommender, other), state_of(whole, shard))
    assert lists_of(recommender, other) == lists_of(whole, shard)


def test_lists_are_those_of_all_items_where_all_cells_are_looked_through(
    few_items: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch: Interactions = random_batch(29, 450, 20, 60)
    by_cells = lists_of(*learned(chosen(LORA), batch))
    monkeypatch.setattr(proposals, "EXACT_ITEMS", 10**6)
    assert by_cells == lists_of(*learned(chosen(LORA), batch))
