"""One contract over the readers of histories, and the compiled one beside torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.batch import Float32s, Int32s
from models.experts.sequence import WIDTH, WINDOW_EVENTS
from models.neural.attention import NewestAttention
from models.neural.serving import CHUNK, CompiledReader, TorchReader, reader_of
from models.neural.tuned import NEWEST, Tuned, new_encoder
from models.sequence_options import SequenceOptions

ROWS = 50
SEEDS = st.integers(0, 1000)


def encoder_named(name: str) -> Tuned:
    """Ready to serve."""
    tuned = new_encoder(SequenceOptions(encoder=name))
    tuned.encoder.eval()
    return tuned


def drawn_items(seed: int) -> Float32s:
    return np.random.default_rng(seed).standard_normal((ROWS, WIDTH)).astype(np.float32)


def drawn_histories(seed: int, count: int) -> Int32s:
    """With gaps, of which the newest place may be one; in each a row is known."""
    random = np.random.default_rng(seed)
    histories = random.integers(-5, ROWS, (count, WINDOW_EVENTS)).astype(np.int32).clip(-1)
    histories[np.arange(count), random.integers(0, WINDOW_EVENTS, count)] = random.integers(0, ROWS, count)
    return histories


def test_the_encoder_of_most_workers_is_read_by_compiled_code_and_the_others_by_torch() -> None:
    assert isinstance(reader_of(encoder_named(NEWEST)), CompiledReader)
    assert isinstance(reader_of(encoder_named("gru")), TorchReader)


@pytest.mark.parametrize("name", [NEWEST, "sasrec", "gru"])
def test_a_vector_does_not_depend_on_what_is_read_with_it(name: str) -> None:
    reader, items, histories = reader_of(encoder_named(name)), drawn_items(1), drawn_histories(2, CHUNK)
    together = reader.read(items, histories)
    for place in (0, 7, CHUNK - 1):
        np.testing.assert_array_equal(reader.read(items, histories[place : place + 1])[0], together[place])


@given(SEEDS, SEEDS, st.integers(1, CHUNK))
@settings(deadline=None)
def test_the_compiled_reader_says_what_torch_says(parameters: int, data: int, count: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters)
        tuned = encoder_named(NEWEST)
        changed(tuned)
    items, histories = drawn_items(data), drawn_histories(data + 1, count)
    compiled, by_torch = reader_of(tuned).read(items, histories), TorchReader(tuned).read(items, histories)
    np.testing.assert_allclose(compiled, by_torch, rtol=1e-4, atol=1e-4)


def test_a_reader_takes_over_changed_parameters_when_it_is_told() -> None:
    tuned = encoder_named(NEWEST)
    reader, items, histories = reader_of(tuned), drawn_items(1), drawn_histories(2, 3)
    before = reader.read(items, histories)
    changed(tuned)
    np.testing.assert_array_equal(reader.read(items, histories), before)
    reader.refresh()
    np.testing.assert_allclose(reader.read(items, histories), TorchReader(tuned).read(items, histories), atol=1e-4)


def changed(tuned: Tuned) -> None:
    """Moves every parameter, gains and biases too."""
    assert isinstance(tuned.encoder, NewestAttention)
    with torch.no_grad():
        for parameter in tuned.encoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
