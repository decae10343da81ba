"""Trained models that the sequence expert starts from, as if `millrace train` had made them."""

from dataclasses import asdict, replace

import numpy as np
import torch
from torch import nn

from models.experts.sequence import WIDTH
from models.neural.encoders.encoder import EncoderConfig
from models.neural.encoders.registry import ENCODERS
from models.neural.reading import parameters_of
from models.neural.tasks.headed import Headed
from models.neural.tasks.towers import TOWERS
from models.recommender import RecommenderOptions
from models.registry import EXPERTS
from models.sequence_options import EVERYTHING, LORA, PREFIX, TOP, BaseHeads, BaseModel, SequenceOptions

TUNINGS = (EVERYTHING, TOP, LORA, PREFIX)
KNOWN = 30  # items i0 to i29 of the streams' i0 to i59
CONFIG = EncoderConfig(WIDTH, 30, 2, 1, 0.1)


def base_of(encoder: str, seed: int = 1, heads: BaseHeads | None = None) -> BaseModel:
    """A model that knows half of the items; its heads, if any, differ."""
    torch.manual_seed(seed)
    own: nn.Module = ENCODERS[encoder](CONFIG)
    if heads:
        count = len(heads.names)
        own = Headed(ENCODERS[encoder](CONFIG), TOWERS[heads.towers](count, WIDTH, 0.1, heads.experts), count)
        for name, parameter in own.named_parameters():
            if ".outer." in name and name.startswith("towers."):
                nn.init.normal_(parameter, std=0.1)
    items = np.random.default_rng(seed).standard_normal((KNOWN, WIDTH)).astype(np.float32) * np.float32(0.3)
    rows = {f"i{number}": number for number in range(KNOWN)}
    bias = np.linspace(-1, 1, KNOWN).astype(np.float32)
    return BaseModel(f"{seed:064x}", encoder, asdict(CONFIG), parameters_of(own), rows, items, bias, heads)


def options(encoder: str, tuning: str, seed: int = 1, heads: BaseHeads | None = None) -> RecommenderOptions:
    """Trained every 100 events."""
    chosen = SequenceOptions(100, base=base_of(encoder, seed, heads), tuning=tuning, adapter_size=4)
    return RecommenderOptions(experts=(*EXPERTS, "sequence"), sequence=chosen)


def with_heads(chosen: RecommenderOptions, names: tuple[str, ...]) -> RecommenderOptions:
    """The same file, of which as many other heads score."""
    base = chosen.sequence.base
    assert base
    assert base.heads
    other = base._replace(heads=base.heads._replace(names=names))
    return replace(chosen, sequence=replace(chosen.sequence, base=other))
