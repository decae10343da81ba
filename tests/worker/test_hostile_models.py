"""Folders that say they are trained models, and are not: each is refused with its name, a reason and a remedy."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.trained_folders import Arrays, sound, write
from worker.assembly import sequence_options
from worker.errors import StateError
from worker.settings import ExpertSettings
from worker.trained_model import CONFIG, MODEL, MOST_BYTES

Config = dict[str, Any]


def opened(folder: Path) -> None:
    """As a worker opens it."""
    sequence_options(ExpertSettings(sequence=True, sequence_base=folder))


def refused(folder: Path, reason: str) -> None:
    with pytest.raises(StateError, match=reason) as error:
        opened(folder)
    assert str(folder) in str(error.value)
    assert "train" in error.value.remedy


def test_what_the_others_are_made_from_is_taken(tmp_path: Path) -> None:
    write(tmp_path, *sound())
    opened(tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"[]", b"null", b'"x"', b'{"plan": []}']
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    write(tmp_path, *sound())
    (tmp_path / CONFIG).write_bytes(text)
    refused(tmp_path, "cannot read the model in")


@pytest.mark.parametrize("value", [None, -1, 0, 1.5, 10**30, math.nan, "x", [], {}, True])
@pytest.mark.parametrize("name", ["width", "length", "blocks", "heads", "dropout"])
def test_a_size_that_no_encoder_has_is_refused(tmp_path: Path, name: str, value: object) -> None:
    arrays, config = sound()
    config["plan"]["encoder"][name] = value
    if (name, value) == ("dropout", 0):
        return
    write(tmp_path, arrays, config)
    refused(tmp_path, "cannot read the model in|cannot be the base")


@pytest.mark.parametrize("sizes", [{"blocks": 250}, {"length": 100_000}, {"heads": 7}, {"blocks": 1}])
def test_sizes_of_another_encoder_are_refused(tmp_path: Path, sizes: dict[str, int]) -> None:
    arrays, config = sound("sasrec")
    config["plan"]["encoder"] |= sizes
    write(tmp_path, arrays, config)
    refused(tmp_path, "cannot be used: (the parameters of the base are not those|a width of 64 cannot be divided)")


def test_an_encoder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    arrays, config = sound()
    config["plan"]["model"] = "oracle"
    write(tmp_path, arrays, config)
    refused(tmp_path, "there is no encoder 'oracle'")


@pytest.mark.parametrize(
    "tasks",
    [
        {"ranking": "kinds", "towers": "shared-bottom", "experts": 1},
        {"ranking": "next", "towers": "babel", "experts": 1},
        {"ranking": "next", "towers": "mmoe", "experts": 10**9},
        {"ranking": 7, "towers": [], "experts": None},
        [],
    ],
)
def test_tasks_that_are_not_in_the_weights_are_refused(tmp_path: Path, tasks: object) -> None:
    arrays, config = sound()
    shared = {f"shared.{name}": array for name, array in arrays.items()} | {"biases": np.zeros((1, 2), np.float32)}
    config["plan"]["tasks"] = tasks
    write(tmp_path, shared, config)
    refused(tmp_path, "cannot (read|be used)|can be used")


ALTERED: dict[str, Callable[[Arrays], None]] = {
    "not a number": lambda arrays: arrays["items"].__setitem__((0, 0), np.nan),
    "infinite": lambda arrays: arrays["bias"].__setitem__(0, np.inf),
    "an encoder's number": lambda arrays: arrays["encoder.weights"].__setitem__(0, -np.inf),
    "fewer items": lambda arrays: arrays.update(items=arrays["items"][:1]),
    "narrower": lambda arrays: arrays.update(items=arrays["items"][:, :63]),
    "another axis": lambda arrays: arrays.update(bias=arrays["bias"][:, None]),
    "no axis": lambda arrays: arrays.update(bias=np.zeros((), np.float32)),
    "whole numbers": lambda arrays: arrays.update(items=arrays["items"].astype(np.int32)),
    "another type": lambda arrays: arrays.update(bias=arrays["bias"].astype(np.float64)),
    "none": lambda arrays: arrays.__delitem__("items"),
    "no encoder": lambda arrays: arrays.clear(),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: Callable[[Arrays], None]) -> None:
    arrays, config = sound()
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(arrays)
    write(tmp_path, arrays, config)
    refused(tmp_path, "cannot read the model in")


def test_parameters_of_another_shape_are_refused(tmp_path: Path) -> None:
    arrays, config = sound()
    arrays["encoder.weights"] = arrays["encoder.weights"][:-1]
    write(tmp_path, arrays, config)
    refused(tmp_path, "cannot be used: the parameters of the base are not those of its encoder")


def test_an_item_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    arrays, config = sound()
    write(tmp_path, arrays, {**config, "items": ["i0", "i0"]})
    refused(tmp_path, "an item is named twice")


@pytest.mark.parametrize("file", [MODEL, CONFIG])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, file: str) -> None:
    write(tmp_path, *sound())
    with (tmp_path / file).open("r+b") as opened_file:
        opened_file.truncate(MOST_BYTES[file] + 1)  # zeros that take no room on the disk
    refused(tmp_path, f"{file} has {MOST_BYTES[file] + 1} bytes, over the limit of {MOST_BYTES[file]}")


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path) -> None:
    write(tmp_path, *sound())
    (tmp_path / MODEL).write_bytes(b"\x80\x04\x95pickled")
    refused(tmp_path, "was altered")
