"""What the sequence expert is made of, and the model trained from history that it may start from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from models.batch import Float32s

EVERYTHING, TOP, LORA, PREFIX = "everything", "top", "lora", "prefix"


class BaseHeads(NamedTuple):
    """Those heads of a model of several tasks that score, as one: by the mean of their scores.

    Attributes:
        names: of the kinds of event that they foresee.
        towers: a name of `neural.tasks.towers.TOWERS`; experts: of the towers that mix them.
    """

    names: tuple[str, ...]
    towers: str
    experts: int


class BaseModel(NamedTuple):
    """A model that `millrace train` made, of m items.

    Attributes:
        checksum: SHA-256 of its file, hexadecimal.
        encoder: name of its encoder.
        sizes: those of the encoder, by their names in `neural.encoders.encoder.EncoderConfig`.
        parameters: the encoder's; with heads, those of `neural.tasks.headed.Headed`.
        rows: row of each item, by id.
        items: (m, 64) float32, their vectors; bias: (m,) float32, their biases.
        heads: where it has one for each task; None = one for events of any kind.
    """

    checksum: str
    encoder: str
    sizes: Mapping[str, Any]
    parameters: Mapping[str, Float32s]
    rows: Mapping[str, int]
    items: Float32s
    bias: Float32s
    heads: BaseHeads | None = None


@dataclass(frozen=True, slots=True)
class SequenceOptions:
    """How histories are read, and what is learned of that on the stream.

    Attributes:
        interval_events: events between two trainings.
        encoder: "attention", "sasrec", "gru", "cnn" or "pooled" (`neural/`); with a base, the base's counts.
        base: where training starts; None = from nothing.
        tuning: what may change of a base (see `neural/adapters.py`); without one, everything.
        adapter_size: rank of "lora", or number of vectors of "prefix".
        proposals: items that it proposes itself, by their score among all.
        rate: learning rate of Adam; None = .003 from nothing, a tenth of that from a base.
    """

    interval_events: int = 512
    encoder: str = "attention"
    base: BaseModel | None = field(default=None, compare=False)
    tuning: str = EVERYTHING
    adapter_size: int = 8
    rate: float | None = None
    proposals: int = 0

    def __post_init__(self) -> None:
        if self.tuning not in (EVERYTHING, TOP, LORA, PREFIX):
            raise ValueError(f"there is no tuning {self.tuning!r}; there are {[EVERYTHING, TOP, LORA, PREFIX]}")
        if self.tuning != EVERYTHING and self.base is None:
            raise ValueError(f"{self.tuning} changes a part of a trained model, and there is no base")
