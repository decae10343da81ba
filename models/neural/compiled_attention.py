"""`attention.py` for serving: the same numbers without torch, whose small steps cost more than what they compute.

One history after the other, so a vector does not depend, to the last bit, on what is encoded with it.
"""

from typing import NamedTuple

import numpy as np
from torch import Tensor

from models.batch import Float32s, Int32s
from models.compiled import inlined, kernel
from models.elementary import exponential
from models.lane_sums import add_weighted_rows, dot, total
from models.neural.attention import NewestAttention
from models.neural.reading import ITEM_SCALE

LEAST_VARIANCE = 1e-5  # added as torch does


class Weights(NamedTuple):
    """Of an encoder of width d and histories of l items, as rows to be added up.

    Attributes:
        positions: (l, d) float32.
        query: (d, d) float32, W_q' W_k / sqrt(d); value: (d, d) float32, W_v' W_o'.
        inner: (d, 4d) float32, W_1'; outer: (4d, d) float32, W_2'; inner_bias: (4d,), outer_bias: (d,) float32.
        norm, last_norm: (2, d) float32, what a normed vector is multiplied by, and what is added.
    """

    positions: Float32s
    query: Float32s
    value: Float32s
    inner: Float32s
    outer: Float32s
    inner_bias: Float32s
    outer_bias: Float32s
    norm: Float32s
    last_norm: Float32s

    @classmethod
    def of(cls, encoder: NewestAttention) -> "Weights":
        """Copies of the encoder's parameters as they are."""
        width = encoder.positions.shape[1]
        return cls(
            positions=_array(encoder.positions),
            query=_array(encoder.query.T @ encoder.key * width**-0.5),
            value=_array(encoder.value.T @ encoder.output.T),
            inner=_array(encoder.inner.weight.T),
            outer=_array(encoder.outer.weight.T),
            inner_bias=_array(encoder.inner.bias),
            outer_bias=_array(encoder.outer.bias),
            norm=np.stack([_array(encoder.norm.weight), _array(encoder.norm.bias)]),
            last_norm=np.stack([_array(encoder.last_norm.weight), _array(encoder.last_norm.bias)]),
        )


class Workspace(NamedTuple):
    """Scratch memory for one history after the other.

    Attributes:
        inputs: (l, d) float32, x; query: (d,) float32, W_k' W_q x_0; attention: (l,) float32, a.
        summed: (d,) float32, sum_r a_r x_r; added: (d,) float32, y; normed: (d,) float32; inner: (4d,) float32.
    """

    inputs: Float32s
    query: Float32s
    attention: Float32s
    summed: Float32s
    added: Float32s
    normed: Float32s
    inner: Float32s

    @classmethod
    def empty(cls, weights: Weights) -> "Workspace":
        """Fits these weights."""
        (length, width), inner = weights.positions.shape, len(weights.inner_bias)
        shapes = ((length, width), width, length, width, width, width, inner)
        return cls._make(np.zeros(shape, np.float32) for shape in shapes)


@kernel
def encode_histories(
    weights: Weights, workspace: Workspace, items: Float32s, histories: Int32s, vectors: Float32s
) -> None:
    """Sets `vectors` (b, d) of histories (b, l) of rows of `items` (n, d), newest first, -1 = none; one row is known.

    d is a multiple of 64.
    """
    for index in range(len(histories)):
        _read(weights, workspace, items, histories[index])
        _attend(weights, workspace, histories[index])
        _think(weights, workspace, vectors[index])


@inlined
def _read(weights: Weights, workspace: Workspace, items: Float32s, history: Int32s) -> None:
    """X of the whole history; an item that is not known counts as 0."""
    for back in range(len(history)):
        row = history[back]
        scale = np.float32(ITEM_SCALE) if row >= 0 else np.float32(0.0)
        place, item, out = weights.positions[back], items[max(row, 0)], workspace.inputs[back]
        for part in range(len(out)):
            out[part] = scale * item[part] + place[part]


@inlined
def _attend(weights: Weights, workspace: Workspace, history: Int32s) -> None:
    """The newest item's attention to all that are known, and what it sums up."""
    attention, highest, whole = workspace.attention, np.float32(-3e38), np.float32(0.0)
    workspace.query[:] = np.float32(0.0)
    add_weighted_rows(workspace.inputs[0], weights.query, len(workspace.query), workspace.query)
    for back in range(len(history)):
        if history[back] >= 0:
            attention[back] = dot(workspace.inputs[back], workspace.query)
            highest = max(highest, attention[back])
    for back in range(len(history)):
        known = history[back] >= 0
        attention[back] = exponential(attention[back] - highest) if known else np.float32(0.0)
        whole += attention[back]
    for back in range(len(history)):
        attention[back] /= whole
    workspace.summed[:] = np.float32(0.0)
    add_weighted_rows(attention, workspace.inputs, len(workspace.summed), workspace.summed)


@inlined
def _think(weights: Weights, workspace: Workspace, vector: Float32s) -> None:
    """H of what was summed up."""
    newest, added, inner = workspace.inputs[0], workspace.added, workspace.inner
    for part in range(len(added)):
        added[part] = newest[part]
    add_weighted_rows(workspace.summed, weights.value, len(added), added)
    _norm(added, weights.norm, workspace.normed)
    for unit in range(len(inner)):
        inner[unit] = weights.inner_bias[unit]
    add_weighted_rows(workspace.normed, weights.inner, len(inner), inner)
    for unit in range(len(inner)):
        inner[unit] = max(inner[unit], np.float32(0.0))
    for part in range(len(added)):
        added[part] += weights.outer_bias[part]
    add_weighted_rows(inner, weights.outer, len(added), added)
    _norm(added, weights.last_norm, vector)


@inlined
def _norm(values: Float32s, norm: Float32s, out: Float32s) -> None:
    """Layer normalisation (Ba et al. 2016)."""
    size = np.float32(len(values))
    mean = total(values, len(values)) / size
    for part in range(len(values)):
        out[part] = values[part] - mean
    scale = np.float32(1.0) / np.sqrt(dot(out, out) / size + np.float32(LEAST_VARIANCE))
    for part in range(len(values)):
        out[part] = out[part] * scale * norm[0, part] + norm[1, part]


def _array(tensor: Tensor) -> Float32s:
    array: Float32s = np.array(tensor.detach().numpy(), np.float32, order="C")
    return array
