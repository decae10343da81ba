"""A model that `millrace train` made, as the worker's sequence expert starts from it."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from models.experts.sequence import WIDTH, WINDOW_EVENTS
from models.sequence_options import BaseHeads, BaseModel
from worker.errors import StateError

MODEL, CONFIG = "model.safetensors", "config.json"
MOST_BYTES = {MODEL: 4 << 30, CONFIG: 1 << 30}  # millions of items
_NEXT = "next"
ANEW = "give the folder that millrace train wrote with --out, or train anew"
_UNREADABLE = (OSError, SafetensorError, ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError)

Length = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Few = Annotated[int, msgspec.Meta(ge=1, le=256)]  # more would be made before its parameters are found missing


Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """Which heads of a model of several tasks are to score.

    Attributes:
        names: of their kinds of event; empty = those of `objective` that the model has, or else all.
        objective: the kinds that lists are to foresee.
    """

    names: Collection[str] = ()
    objective: Collection[str] = ()

    def of(self, there: Sequence[str], folder: Path) -> list[int]:
        """The places of the chosen ones. Raises StateError for one that is not there."""
        absent = sorted(set(self.names) - set(there))
        if absent:
            heads = f"has heads for {', '.join(there)} only" if there else "has one head for all kinds of event"
            raise StateError(
                f"setting experts.sequence_head: {', '.join(absent)}, but the model in {folder} {heads}",
                "name some of its heads, or none, or train a model with --tasks kinds",
            )
        wanted = self.names or set(there).intersection(self.objective) or there
        return [place for place, name in enumerate(there) if name in wanted]


class _Sizes(msgspec.Struct, frozen=True):
    """Those of `neural.encoders.encoder.EncoderConfig`."""

    width: Length
    length: Length
    blocks: Few
    heads: Few
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)]


class _Tasks(msgspec.Struct, frozen=True):
    """As much of `neural.plan.TasksPlan` as serves."""

    ranking: str | None
    towers: str
    experts: Few


class _Plan(msgspec.Struct, frozen=True):
    """As much of `neural.plan.TrainingPlan` as serves."""

    model: str
    head: str
    encoder: _Sizes
    tasks: _Tasks | None = None


class _Config(msgspec.Struct, frozen=True):
    """What stands in `config.json`, as far as it matters here."""

    sha256: str
    plan: _Plan
    items: list[str]
    kinds: list[str] = []


def read_base(folder: Path, prefixes: int, choice: HeadChoice) -> BaseModel:
    """The model in a folder, before whose histories so many learned vectors have room.

    Raises StateError for one that is not there, altered, or of a kind or size that cannot serve, or without a head that
    was chosen.
    """
    try:
        config = msgspec.convert(json.loads(_content(folder / CONFIG)), _Config)  # a figure in it may be NaN
        content = _content(folder / MODEL)
        checksum = hashlib.sha256(content).hexdigest()
        if config.sha256 != checksum:
            raise StateError(f"{folder / MODEL} was altered: it is not what {CONFIG} names", ANEW)
        whole = _network(load(content), config, folder, choice)
        _check(whole, config.plan, WINDOW_EVENTS + prefixes)
        return _base(checksum, whole, config)
    except _UNREADABLE as error:
        raise StateError(f"cannot read the model in {folder}: {error!r}", ANEW) from error


def _content(file: Path) -> bytes:
    """Raises StateError for a file that is too large to be read, before it is."""
    size_bytes, most_bytes = file.stat().st_size, MOST_BYTES[file.name]
    if size_bytes > most_bytes:
        raise StateError(f"{file} has {size_bytes} bytes, over the limit of {most_bytes}", ANEW)
    return file.read_bytes()


class _Network(NamedTuple):
    """Parameters of encoder, and towers if any; vectors and biases of items."""

    parameters: Arrays
    items: np.ndarray[Any, Any]
    bias: np.ndarray[Any, Any]
    heads: BaseHeads | None


def _network(arrays: Arrays, config: _Config, folder: Path, choice: HeadChoice) -> _Network:
    tasks = config.plan.tasks
    if tasks is None:
        choice.of((), folder)
        return _Network(_below(arrays, "encoder."), arrays["items"], arrays["bias"], None)
    if tasks.ranking is None:
        raise StateError(
            f"the model in {folder} tells values only, it has no head for items",
            "train it with --tasks kinds, or kinds,values",
        )
    names = [_NEXT] if tasks.ranking == _NEXT else config.kinds
    chosen = choice.of(names, folder)
    if not chosen:
        raise ValueError("it names no kinds of event for its heads")
    shared = _below(arrays, "shared.")
    return _Network(
        {name: each for name, each in shared.items() if name.startswith("encoder.")} | _towers(arrays, chosen),
        shared["items"],
        shared["bias"] + arrays["biases"][chosen].mean(0),
        BaseHeads(tuple(names[place] for place in chosen), tasks.towers, tasks.experts),
    )


def _below(arrays: Arrays, start: str) -> Arrays:
    return {name.removeprefix(start): each for name, each in arrays.items() if name.startswith(start)}


def _towers(arrays: Arrays, tasks: Sequence[int]) -> Arrays:
    """Those of the tasks, which are counted anew, with what all share."""
    kept = {f"towers.experts.{name}": each for name, each in _below(arrays, "towers.experts.").items()}
    for place, task in enumerate(tasks):
        for part in ("towers.towers.", "towers.gates."):
            own = _below(arrays, f"{part}{task}.")
            kept |= {f"{part}{place}.{name}": each for name, each in own.items()}
    return kept


def _check(network: _Network, plan: _Plan, least_length: int) -> None:
    sizes = plan.encoder
    if plan.head != "dot" or not network.parameters:
        raise StateError(
            f"model {plan.model} with head {plan.head} cannot be the base of the sequence expert",
            "train sasrec, gru, cnn or pooled, with --head dot",
        )
    if sizes.width != WIDTH or sizes.length < least_length:
        raise StateError(
            f"a model of width {sizes.width} and length {sizes.length} cannot be the base of the sequence expert",
            f"train it with --width {WIDTH} and --length {least_length} or more",
        )


def _base(checksum: str, network: _Network, config: _Config) -> BaseModel:
    plan, ids, (parameters, items, bias, heads) = config.plan, config.items, network
    if items.shape != (len(ids), WIDTH) or bias.shape != (len(ids),):
        raise ValueError(f"vectors of shape {items.shape} and biases of shape {bias.shape} of {len(ids)} items")
    rows = {item: row for row, item in enumerate(ids)}
    if len(rows) != len(ids):
        raise ValueError("an item is named twice")
    for name, array in {**parameters, "items": items, "bias": bias}.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"{name} is not of finite float32 numbers")
    sizes = msgspec.structs.asdict(plan.encoder)
    return BaseModel(checksum, plan.model, sizes, parameters, rows, items, bias, heads)
