"""Folders that `millrace train` writes: the model, and the checkpoint of a training."""

import json

import numpy as np

from tests.fuzz.edits import edit
from tests.fuzz.target import Target, explained, scratch_folder
from tests.support.trained_folders import sound, write
from worker.assembly import sequence_options
from worker.errors import StateError
from worker.settings import ExpertSettings
from worker.trained_model import CONFIG
from worker.training.folder import read_checkpoint, write_checkpoint

SEPARATOR = b"\0"


def model_target() -> Target:
    """An input is the configuration, a separator, and edits of the weights; their checksum is set right."""
    folder = scratch_folder()
    arrays, config = sound()
    seed = json.dumps(config).encode()

    def check(content: bytes) -> None:
        config, _, edits = content.partition(SEPARATOR)
        edited = dict(arrays)
        edit([edited], edits)
        try:
            write(folder, edited, json.loads(config))
        except (ValueError, RecursionError):
            (folder / CONFIG).write_bytes(config)
        try:
            base = sequence_options(ExpertSettings(sequence=True, sequence_base=folder)).base
        except StateError as error:
            explained(error)
            return
        assert base, "a model became nothing"
        assert np.isfinite(base.items).all(), "a vector that is no number"

    return Target(
        check,
        [seed, seed + SEPARATOR + bytes([0, 1, 0, 0, 0, 12])],
        [b'"sasrec"', b'"gru"', b'"cnn"', b'"mlp"', b"64", b"0", b"-1", b"1e9"],
    )


def checkpoint_target() -> Target:
    """The file itself."""
    path = scratch_folder() / "checkpoint.safetensors"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            assert read_checkpoint(path)
        except StateError as error:
            explained(error)

    write_checkpoint(path, {"a": np.arange(4, dtype=np.float32)}, {"position": 1})
    return Target(check, [path.read_bytes()], [b'"__metadata__"', b'"sha256"', b'"facts"', b'"version"'])
