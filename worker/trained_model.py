"""A model that `millrace train` made, as the worker's sequence expert starts from it."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from models.experts.sequence import WIDTH, WINDOW_EVENTS
from models.sequence_options import BaseHeads, BaseModel
from worker.errors import StateError

MODEL, CONFIG = "model.safetensors", "config.json"
_NEXT = "next"
_ANEW = "give the folder that millrace train wrote with --out, or train anew"


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


def read_base(folder: Path, prefixes: int, choice: HeadChoice) -> BaseModel:
    """The model in a folder, before whose histories so many learned vectors have room.

    Raises StateError for one that is not there, altered, or of a kind or size that cannot serve, or without a head that
    was chosen.
    """
    try:
        content, config = (folder / MODEL).read_bytes(), json.loads((folder / CONFIG).read_bytes())
        checksum = hashlib.sha256(content).hexdigest()
        if config["sha256"] != checksum:
            raise StateError(f"{folder / MODEL} was altered: it is not what {CONFIG} names", _ANEW)
        whole = _network(load(content), config, folder, choice)
        _check(whole, config["plan"], WINDOW_EVENTS + prefixes)
        return _base(checksum, whole, config)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"cannot read the model in {folder}: {error!r}", _ANEW) from error


class _Network(NamedTuple):
    """Parameters of encoder, and towers if any; vectors and biases of items."""

    parameters: Arrays
    items: np.ndarray[Any, Any]
    bias: np.ndarray[Any, Any]
    heads: BaseHeads | None


def _network(arrays: Arrays, config: dict[str, Any], folder: Path, choice: HeadChoice) -> _Network:
    tasks = config["plan"].get("tasks")
    if tasks is None:
        choice.of((), folder)
        return _Network(_below(arrays, "encoder."), arrays["items"], arrays["bias"], None)
    if tasks["ranking"] is None:
        raise StateError(
            f"the model in {folder} tells values only, it has no head for items",
            "train it with --tasks kinds, or kinds,values",
        )
    names = [_NEXT] if tasks["ranking"] == _NEXT else config["kinds"]
    chosen = choice.of(names, folder)
    shared = _below(arrays, "shared.")
    return _Network(
        {name: each for name, each in shared.items() if name.startswith("encoder.")} | _towers(arrays, chosen),
        shared["items"],
        shared["bias"] + arrays["biases"][chosen].mean(0),
        BaseHeads(tuple(names[place] for place in chosen), tasks["towers"], tasks["experts"]),
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


def _check(network: _Network, plan: dict[str, Any], least_length: int) -> None:
    sizes = plan["encoder"]
    if plan["head"] != "dot" or not network.parameters:
        raise StateError(
            f"model {plan['model']} with head {plan['head']} cannot be the base of the sequence expert",
            "train sasrec, gru, cnn or pooled, with --head dot",
        )
    if sizes["width"] != WIDTH or sizes["length"] < least_length:
        raise StateError(
            f"a model of width {sizes['width']} and length {sizes['length']} cannot be the base of the sequence expert",
            f"train it with --width {WIDTH} and --length {least_length} or more",
        )


def _base(checksum: str, network: _Network, config: dict[str, Any]) -> BaseModel:
    plan, ids, (parameters, items, bias, heads) = config["plan"], config["items"], network
    if len(items) != len(ids) or len(bias) != len(ids):
        raise ValueError(f"{len(items)} vectors and {len(bias)} biases of {len(ids)} items")
    rows = {item: row for row, item in enumerate(ids)}
    return BaseModel(checksum, plan["model"], plan["encoder"], parameters, rows, items, bias, heads)
