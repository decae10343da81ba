"""An encoder on the stream, and what may change of it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.experts.sequence import WIDTH, WINDOW_EVENTS
from models.neural.adapters import Adapter, Prefixed, adapter_of
from models.neural.attention import NewestAttention
from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder
from models.neural.encoders.registry import ENCODERS
from models.neural.reading import ITEM_SCALE, Tables, read, write
from models.neural.tasks.headed import Headed
from models.neural.tasks.towers import TOWERS
from models.sequence_options import PREFIX, BaseModel, SequenceOptions

_SEED = 25
NEWEST = "attention"


class Tuned(NamedTuple):
    """The encoder with its adapter; `scale` multiplies the items' vectors that come in."""

    encoder: nn.Module
    adapter: Adapter
    scale: float

    def write(self, tables: Tables) -> None:
        """Lets the encoder be what these tables of its adapter make of it."""
        write(self.encoder, self.adapter.parameters(tables))

    def read(self, items: Tensor, histories: Tensor, kept: Tensor | None = None) -> Tensor:
        """(b, d): see `reading.read`."""
        return read(self.encoder, items, histories, kept, self.scale)


def new_encoder(options: SequenceOptions) -> Tuned:
    """Always the same for the same options; parameters that stand still ask for no slopes.

    Raises ValueError for the name of no encoder, and for a base that does not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        encoder = _first(options.encoder) if options.base is None else _base(options.base, options)
    adapter = adapter_of(options.tuning, encoder, options.adapter_size)
    changing = adapter.changing()
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(name in changing)
    return Tuned(encoder, adapter, ITEM_SCALE if options.base is None else 1.0)


def _first(name: str) -> nn.Module:
    if name == NEWEST:
        return NewestAttention(WIDTH, WINDOW_EVENTS)
    return _encoder(name, EncoderConfig(width=WIDTH, length=WINDOW_EVENTS, blocks=1))


def _encoder(name: str, config: EncoderConfig) -> SequenceEncoder:
    if name not in ENCODERS:
        raise ValueError(f"there is no encoder {name!r}; there are {[NEWEST, *ENCODERS]}")
    return ENCODERS[name](config)


def _base(base: BaseModel, options: SequenceOptions) -> nn.Module:
    config = EncoderConfig(**base.sizes)
    prefixes = options.adapter_size if options.tuning == PREFIX else 0
    if config.width != WIDTH or config.length < WINDOW_EVENTS + prefixes:
        raise ValueError(
            f"a base has vectors of {WIDTH} numbers and reads {WINDOW_EVENTS + prefixes} items or more, "
            f"not {config.width} and {config.length}"
        )
    encoder = _with_heads(_encoder(base.encoder, config), base, config)
    own = {name: parameter.shape for name, parameter in encoder.named_parameters()}
    if own != {name: array.shape for name, array in base.parameters.items()}:
        raise ValueError("the parameters of the base are not those of its encoder")
    write(encoder, dict(base.parameters))
    return Prefixed(encoder, prefixes, WIDTH) if prefixes else encoder


def _with_heads(encoder: SequenceEncoder, base: BaseModel, config: EncoderConfig) -> SequenceEncoder:
    if base.heads is None:
        return encoder
    tasks = len(base.heads.names)
    return Headed(encoder, TOWERS[base.heads.towers](tasks, WIDTH, config.dropout, base.heads.experts), tasks)
