"""A trained model is the sequence expert's base: it serves at once, and training changes only what was chosen."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.batch import Interactions
from models.experts.sequence import UPDATES, Foreseen, first_vectors, foresee_users
from models.foresight import always
from models.neural.adapters import LowRank
from models.neural.encoders.registry import ENCODERS
from models.neural.online import BASE_RATE, FIRST_RATE, OnlineModel, Work
from models.neural.reading import BIAS, ITEMS, parameters_of
from models.neural.tuned import new_encoder
from models.recommender import Recommender
from models.sequence_options import EVERYTHING, LORA, PREFIX, TOP, SequenceOptions
from tests.support.bases import CONFIG, KNOWN, TUNINGS, base_of, options
from tests.support.learning import assert_same_state, learned, random_batch, restored, state_of
from tests.support.sequence import model_of

PARTS = (TOP, LORA, PREFIX)


def vector_of(recommender: Recommender, encoder: torch.nn.Module, items: list[str]) -> torch.Tensor:
    """What an encoder makes of a history by the base's vectors, newest item first."""
    base = recommender.options.sequence.base
    assert base
    inputs = torch.from_numpy(base.items[[base.rows[item] for item in items]])[None]
    with torch.no_grad():
        out: torch.Tensor = encoder.eval()(inputs, torch.ones(1, len(items), dtype=torch.bool))[0]
    return out


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
@pytest.mark.parametrize("tuning", [EVERYTHING, TOP, LORA])
def test_before_any_training_the_base_itself_serves(encoder: str, tuning: str) -> None:
    chosen = options(encoder, tuning)
    recommender, shard = learned(chosen, Interactions.of(["u1"] * 3, ["i3", "i50", "i7"], [1, 2, 3]))
    recommender.learn(shard, Interactions.of(["u1"], ["i9"], [4]))
    sequence, foreseen, base = (
        recommender.knowledge.sequence,
        Foreseen.empty(experts_on=True, proposals=0),
        chosen.sequence.base,
    )
    assert base
    row = recommender.vocabulary.row
    assert sequence.counters[UPDATES] == 1
    np.testing.assert_array_equal(sequence.items[row("i7")], base.items[7])
    assert sequence.bias[row("i9")] == base.bias[9]
    assert sequence.bias[row("i50")] == 0
    recommender, shard = learned(chosen, Interactions.of(["u1"] * 2, ["i3", "i7"], [1, 2]))
    foresee_users(shard.profiles, np.zeros(1, np.int32), foreseen)
    model_of(recommender).encode(recommender.knowledge.sequence, foreseen, 1, always)
    torch.manual_seed(1)
    own = ENCODERS[encoder](CONFIG)
    awaited = vector_of(recommender, own, ["i7", "i3"])
    np.testing.assert_allclose(foreseen.vectors[0], awaited, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
@pytest.mark.parametrize("tuning", TUNINGS)
def test_training_changes_what_was_chosen_and_nothing_else(encoder: str, tuning: str) -> None:
    chosen = options(encoder, tuning)
    recommender, _ = learned(chosen, random_batch(1, 450, 20, 60))
    sequence, model, base = recommender.knowledge.sequence, model_of(recommender), chosen.sequence.base
    assert base
    changed = {
        name
        for name, array in parameters_of(model._serving.encoder).items()
        if not np.array_equal(array, new_parameters(chosen.sequence)[name])
    }
    assert changed == awaited_changes(tuning, chosen.sequence)
    rows = [recommender.vocabulary.row(f"i{number}") for number in range(KNOWN)]
    assert np.array_equal(sequence.items[rows], base.items) == (tuning != EVERYTHING)
    assert not np.array_equal(sequence.bias[rows], base.bias)
    new = recommender.vocabulary.row("i40")
    assert not np.array_equal(sequence.items[new], first_vectors(len(sequence.items))[new])


def no_work(work: Work) -> Work:
    """Trains nothing."""
    raise AssertionError(work)


def new_parameters(sequence: SequenceOptions) -> dict[str, np.ndarray]:
    """Those of an encoder that was never trained on the stream."""
    return parameters_of(new_encoder(sequence).encoder)


def awaited_changes(tuning: str, sequence: SequenceOptions) -> set[str]:
    """Names of the parameters that may change; positions beyond the histories never do."""
    tuned = new_encoder(sequence)
    return set(tuned.adapter.changing())


def test_slopes_of_the_two_factors_are_those_of_autograd() -> None:
    random = np.random.default_rng(2)
    base = {"w": random.standard_normal((6, 5, 3)).astype(np.float32), "b": np.ones(6, np.float32)}
    adapter, weights = LowRank(base, 2), torch.from_numpy(random.standard_normal((6, 5, 3)).astype(np.float32))
    tables = {name: random.standard_normal(array.shape).astype(np.float32) for name, array in adapter.first().items()}
    assert {name: array.shape for name, array in tables.items()} == {"w.down": (2, 15), "w.up": (6, 2)}
    up, down = (torch.from_numpy(tables[name]).requires_grad_() for name in ("w.up", "w.down"))
    changed = torch.from_numpy(base["w"]) + (up @ down).reshape(6, 5, 3)
    np.testing.assert_allclose(adapter.parameters(tables)["w"], changed.detach(), rtol=1e-5, atol=1e-6)
    (changed**2 * weights).sum().backward()
    slopes = {"w": (2 * changed * weights).detach().numpy()}
    gradients = adapter.gradients(tables, slopes)
    for name, factor in (("w.up", up), ("w.down", down)):
        assert factor.grad is not None
        np.testing.assert_allclose(gradients[name], factor.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tuning", TUNINGS)
@pytest.mark.parametrize("encoder", ["sasrec", "gru"])
@settings(max_examples=2, phases=[Phase.explicit, Phase.generate], deadline=None)
@given(cuts=st.lists(st.integers(1, 329), max_size=2))
def test_the_state_is_the_same_however_the_stream_is_cut_and_restored(
    encoder: str, tuning: str, cuts: list[int]
) -> None:
    batch, chosen = random_batch(28, 330, 9, 60), options(encoder, tuning)
    recommender = Recommender(chosen)
    shard = recommender.new_shard()
    places = [0, *sorted(cuts), 330]
    for start, stop in pairwise(places):
        recommender.learn(shard, batch.slice(start, stop))
        recommender, shard = restored(chosen, recommender, shard)
    assert_same_state(state_of(recommender, shard), state_of(*learned(chosen, batch)))


@pytest.mark.parametrize("tuning", PARTS)
def test_a_snapshot_holds_the_adapter_apart_from_the_base_which_it_names(tuning: str) -> None:
    chosen, batch = options("sasrec", tuning), random_batch(3, 450, 20, 60)
    recommender, _ = learned(chosen, batch)
    arrays, base = recommender.dump(), chosen.sequence.base
    assert base
    saved = {name: array for name, array in arrays.items() if name.startswith("sequence.")}
    assert bytes(saved[f"sequence.sasrec.{tuning}.base"]).hex() == base.checksum
    assert not len(arrays["knowledge.sequence.items"])
    vectors = [array for name, array in saved.items() if name.endswith(ITEMS)]
    assert {len(array) for array in vectors} == {recommender.vocabulary.rows_used - KNOWN}
    assert len(saved[f"sequence.sasrec.{tuning}.training.values.{BIAS}"]) == recommender.vocabulary.rows_used
    everything, _ = learned(options("sasrec", EVERYTHING), batch)
    whole = {name: array for name, array in everything.dump().items() if name.startswith("sequence.")}
    assert 2 * sum(array.nbytes for array in saved.values()) < sum(array.nbytes for array in whole.values())


@pytest.mark.parametrize("tuning", TUNINGS)
def test_what_another_base_was_tuned_to_begins_anew_on_this_one(tuning: str) -> None:
    recommender, shard = learned(options("sasrec", tuning), random_batch(4, 450, 20, 60))
    chosen = options("sasrec", tuning, seed=2)
    other = Recommender(chosen)
    assert not other.load(recommender.dump())
    base = chosen.sequence.base
    assert base
    rows = [other.vocabulary.row(f"i{number}") for number in range(KNOWN)]
    np.testing.assert_array_equal(other.knowledge.sequence.items[rows], base.items)
    assert model_of(other).trained == (0, 0)
    other_shard = other.load_shard(recommender.dump_shard(shard))
    other.learn(other_shard, random_batch(5, 450, 20, 60))
    assert model_of(other).trained[0] > 0


def test_the_same_base_and_tuning_are_taken_over() -> None:
    recommender, _ = learned(options("cnn", LORA), random_batch(6, 450, 20, 60))
    assert Recommender(options("cnn", LORA)).load(recommender.dump())
    assert not Recommender(options("cnn", TOP)).load(recommender.dump())


def test_an_item_of_the_base_that_lost_its_row_comes_back_as_the_base_has_it() -> None:
    chosen = replace(options("sasrec", LORA), max_items=20)
    recommender, shard = learned(chosen, random_batch(7, 600, 20, 60))
    recommender.learn(shard, random_batch(8, 600, 20, 60))
    sequence, base = recommender.knowledge.sequence, chosen.sequence.base
    assert base
    held = [item for item, _ in recommender.vocabulary.items() if item in base.rows]
    assert held
    for item in held:
        np.testing.assert_array_equal(sequence.items[recommender.vocabulary.row(item)], base.items[base.rows[item]])


def test_the_rate_is_a_tenth_with_a_base_and_may_be_set() -> None:
    rates = (
        OnlineModel(9, each, no_work).state.rate[0]
        for each in (SequenceOptions(), options("gru", TOP).sequence, SequenceOptions(rate=0.5))
    )
    assert list(rates) == [FIRST_RATE, BASE_RATE, 0.5]
    assert pytest.approx(FIRST_RATE / 10) == BASE_RATE


def test_a_tuning_needs_a_base_and_a_name() -> None:
    with pytest.raises(ValueError, match="lora changes a part of a trained model, and there is no base"):
        SequenceOptions(tuning=LORA)
    with pytest.raises(ValueError, match="there is no tuning 'ia3'"):
        SequenceOptions(tuning="ia3")


@pytest.mark.parametrize(("length", "tuning"), [(19, EVERYTHING), (20, PREFIX)])
def test_a_base_that_is_too_short_or_does_not_fit_its_encoder_is_refused(length: int, tuning: str) -> None:
    base = base_of("sasrec")
    short = base._replace(sizes={**base.sizes, "length": length})
    with pytest.raises(ValueError, match="a base has vectors of 64 numbers and reads"):
        new_encoder(SequenceOptions(base=short, tuning=tuning))
    with pytest.raises(ValueError, match="are not those of its encoder"):
        new_encoder(SequenceOptions(base=base._replace(encoder="gru")))
