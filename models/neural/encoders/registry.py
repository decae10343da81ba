"""The encoders by name."""

from collections.abc import Callable, Mapping

from models.neural.encoders.cnn import NextItNet
from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder
from models.neural.encoders.gru import Gru
from models.neural.encoders.pooled import Pooled
from models.neural.encoders.transformer import SasRec

ENCODERS: Mapping[str, Callable[[EncoderConfig], SequenceEncoder]] = {
    "sasrec": SasRec,
    "gru": Gru,
    "cnn": NextItNet,
    "pooled": Pooled,
}
