"""A model of several tasks is the sequence expert's base: its towers are tuned as encoders are."""

from itertools import pairwise

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.neural.reading import parameters_of
from models.neural.tasks.headed import Headed
from models.neural.tuned import new_encoder
from models.recommender import Recommender
from models.sequence_options import EVERYTHING, LORA, PREFIX, TOP, BaseHeads
from tests.support.bases import TUNINGS, base_of, options, with_heads
from tests.support.learning import assert_same_state, learned, random_batch, restored, state_of
from tests.support.sequence import model_of

HEADS = BaseHeads(("buy", "view"), "mmoe", 2)


@pytest.mark.parametrize("tuning", TUNINGS)
@settings(max_examples=2, phases=[Phase.explicit, Phase.generate], deadline=None)
@given(cuts=st.lists(st.integers(1, 329), max_size=2))
def test_the_state_is_the_same_however_the_stream_is_cut_and_restored(tuning: str, cuts: list[int]) -> None:
    batch, chosen = random_batch(28, 330, 9, 60), options("sasrec", tuning, heads=HEADS)
    recommender = Recommender(chosen)
    shard = recommender.new_shard()
    for start, stop in pairwise([0, *sorted(cuts), 330]):
        recommender.learn(shard, batch.slice(start, stop))
        recommender, shard = restored(chosen, recommender, shard)
    assert_same_state(state_of(recommender, shard), state_of(*learned(chosen, batch)))


@pytest.mark.parametrize("towers", ["shared-bottom", "mmoe"])
def test_the_expert_reads_a_history_as_the_mean_of_its_heads(towers: str) -> None:
    heads = HEADS._replace(towers=towers)
    tuned = new_encoder(options("gru", EVERYTHING, heads=heads).sequence)
    headed = tuned.encoder.eval()
    assert isinstance(headed, Headed)
    items, histories = torch.from_numpy(base_of("gru").items), torch.tensor([[3, 7, 1], [4, -1, -1]])
    with torch.no_grad():
        bottom = tuned._replace(encoder=headed.encoder).read(items, histories)
        apart = [headed.towers(bottom, task) for task in range(2)]
        torch.testing.assert_close(tuned.read(items, histories), (apart[0] + apart[1]) / 2)
        everywhere = headed.everywhere(items[histories.clamp(min=0)], histories >= 0)[:, 0]
        torch.testing.assert_close(everywhere, tuned.read(items, histories))
    assert not torch.allclose(apart[0], apart[1])


@pytest.mark.parametrize(
    ("tuning", "changing"),
    [
        (TOP, lambda name, shape: name.startswith("towers.towers.")),
        (LORA, lambda name, shape: len(shape) > 1 and name != "encoder.positions"),
        (PREFIX, lambda name, shape: name == "prefix"),
        (EVERYTHING, lambda name, shape: True),
    ],
)
def test_training_changes_what_was_chosen_of_encoder_and_towers(tuning: str, changing: object) -> None:
    assert callable(changing)
    chosen = options("sasrec", tuning, heads=HEADS)
    recommender, _ = learned(chosen, random_batch(1, 450, 20, 60))
    before = parameters_of(new_encoder(chosen.sequence).encoder)
    after = parameters_of(model_of(recommender)._serving.encoder)
    changed = {name for name, array in after.items() if (array != before[name]).any()}
    assert changed == {name for name, array in before.items() if changing(name, array.shape)}


def test_what_other_heads_were_tuned_to_begins_anew_on_these() -> None:
    chosen, batch = options("sasrec", LORA, heads=HEADS), random_batch(4, 450, 20, 60)
    recommender, _ = learned(chosen, batch)
    assert Recommender(chosen).load(recommender.dump())
    other = Recommender(with_heads(chosen, ("buy", "wish")))
    assert not other.load(recommender.dump())
    assert model_of(other).trained == (0, 0)
    headless, _ = learned(options("sasrec", LORA), batch)
    assert not Recommender(chosen).load(headless.dump())
