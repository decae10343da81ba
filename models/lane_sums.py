"""Sums by vector instructions, always in the same order.

A compiler may vectorise a sum only when it may add in any order; then the last bits depend on what it makes of the
surrounding code, and a worker that compiles would learn other bits than one that loads the result from disk. So the
order is written down here: sixteen partial sums, then a tree.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from models.batch import Float32s
from models.lanes import FLOAT, FLOATS, INT32, INT64, LANES, everywhere, load_lanes, store_lanes

BLOCK = 64
HALF = 8

_HALF_FLOATS = ir.VectorType(FLOAT, HALF)
_ZEROS = ir.Constant(FLOATS, [0.0] * LANES)


@intrinsic
def _dot(_typing: Any, one: Any, two: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        data, length = _vector(context, builder, one, arguments[0])
        other, _ = _vector(context, builder, two, arguments[1])
        sums = cgutils.alloca_once_value(builder, _ZEROS)
        with _in_steps(builder, length, LANES) as first:
            left, right = (load_lanes(builder, array, first, FLOATS) for array in (data, other))
            builder.store(_fused(builder, left, right, builder.load(sums)), sums)
        return _added_up(builder, builder.load(sums))

    return types.float32(one, two), generate


dot = cast("Callable[[Float32s, Float32s], np.float32]", _dot)
"""Inner product of two contiguous arrays whose length is a multiple of 16. Looks at no bounds."""


@intrinsic
def _total(_typing: Any, values: Any, _count: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        data, _ = _vector(context, builder, values, arguments[0])
        sums = cgutils.alloca_once_value(builder, _ZEROS)
        with _in_steps(builder, arguments[1], LANES) as first:
            builder.store(builder.fadd(builder.load(sums), load_lanes(builder, data, first, FLOATS)), sums)
        return _added_up(builder, builder.load(sums))

    return types.float32(values, types.int64), generate


total = cast("Callable[[Float32s, int], np.float32]", _total)
"""Sum of the first `count` elements of a contiguous array, rounded up to 16. Looks at no bounds."""


@intrinsic
def _add_weighted_rows(_typing: Any, weights: Any, rows: Any, _count: Any, out: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        weight, length = _vector(context, builder, weights, arguments[0])
        table = context.make_array(rows)(context, builder, arguments[1])
        width = builder.extract_value(table.shape, 1)
        target, _ = _vector(context, builder, out, arguments[3])
        sums = [cgutils.alloca_once(builder, FLOATS) for _ in range(BLOCK // LANES)]
        with _in_steps(builder, arguments[2], BLOCK) as start:
            places = [builder.add(start, ir.Constant(INT64, part * LANES)) for part in range(len(sums))]
            for partial, place in zip(sums, places, strict=True):
                builder.store(load_lanes(builder, target, place, FLOATS), partial)
            with cgutils.for_range(builder, length) as turn:
                factor = everywhere(builder, builder.load(builder.gep(weight, [turn.index])), LANES)
                row = builder.mul(turn.index, width)
                for partial, place in zip(sums, places, strict=True):
                    values = load_lanes(builder, table.data, builder.add(row, place), FLOATS)
                    builder.store(_fused(builder, factor, values, builder.load(partial)), partial)
            for partial, place in zip(sums, places, strict=True):
                store_lanes(builder, builder.load(partial), target, place)
        return context.get_dummy_value()

    return types.void(weights, rows, types.int64, out), generate


add_weighted_rows = cast("Callable[[Float32s, Float32s, int, Float32s], None]", _add_weighted_rows)
"""Adds to `out` (w,) the rows of a contiguous (f, w) array times their `weights` (f,).

Only the first `count` columns, rounded up to 64. Looks at no bounds.
"""


def gather_lanes(channels: int, apart: int, highest: int) -> Callable[[Float32s, int, Float32s, int, Float32s], None]:
    """Makes a function that adds to eight sums what several channels say, each by eight factors.

    It takes a contiguous (n, 8) array and a row of it, a contiguous array in which the channels' values lie `apart`
    elements apart and the place of the first, and the factors, (channels + 1, 8), the last of which count by
    themselves. The sum number `highest` becomes the highest of what came, not their sum. Looks at no bounds.
    """
    is_highest = ir.Constant(ir.VectorType(ir.IntType(1), HALF), [lane == highest for lane in range(HALF)])

    @intrinsic
    def gather(_typing: Any, sums: Any, _row: Any, values: Any, _first: Any, factors: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            target, source, factor = (
                context.make_array(kind)(context, builder, array).data
                for kind, array in zip((sums, values, factors), arguments[::2], strict=True)
            )
            said = load_lanes(builder, factor, ir.Constant(INT64, channels * HALF), _HALF_FLOATS)
            for channel in range(channels):
                place = builder.add(arguments[3], ir.Constant(INT64, channel * apart))
                value = everywhere(builder, builder.load(builder.gep(source, [place])), HALF)
                weights = load_lanes(builder, factor, ir.Constant(INT64, channel * HALF), _HALF_FLOATS)
                said = _fused(builder, value, weights, said)
            place = builder.mul(arguments[1], ir.Constant(INT64, HALF))
            before = load_lanes(builder, target, place, _HALF_FLOATS)
            more = builder.fcmp_ordered(">", said, before)
            best = builder.select(more, said, before)
            store_lanes(builder, builder.select(is_highest, best, builder.fadd(before, said)), target, place)
            return context.get_dummy_value()

        return types.void(sums, types.int64, values, types.int64, factors), generate

    return cast("Callable[[Float32s, int, Float32s, int, Float32s], None]", gather)


@intrinsic
def _clear_lanes(_typing: Any, sums: Any, _row: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        data = context.make_array(sums)(context, builder, arguments[0]).data
        place = builder.mul(arguments[1], ir.Constant(INT64, HALF))
        store_lanes(builder, ir.Constant(_HALF_FLOATS, [0.0] * HALF), data, place)
        return context.get_dummy_value()

    return types.void(sums, types.int64), generate


clear_lanes = cast("Callable[[Float32s, int], None]", _clear_lanes)
"""Sets a row of a contiguous (n, 8) array to 0: what is stored as a whole can be loaded as a whole at once."""


def _vector(context: Any, builder: Any, kind: Any, array: Any) -> tuple[Any, Any]:
    view = context.make_array(kind)(context, builder, array)
    return view.data, builder.extract_value(view.shape, 0)


@contextmanager
def _in_steps(builder: Any, count: Any, step: int) -> Iterator[Any]:
    """A loop over 0, step, 2 step ... below `count`."""
    turns = builder.sdiv(builder.add(count, ir.Constant(INT64, step - 1)), ir.Constant(INT64, step))
    with cgutils.for_range(builder, turns) as turn:
        yield builder.mul(turn.index, ir.Constant(INT64, step))


def _fused(builder: Any, one: Any, two: Any, three: Any) -> Any:
    """One times two plus three, rounded once."""
    kind = ir.FunctionType(one.type, [one.type] * 3)
    name = f"llvm.fma.v{one.type.count}f32"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [one, two, three])


def _numbers(first: int, count: int) -> Any:
    return ir.Constant(ir.VectorType(INT32, count), [*range(first, first + count)])


def _added_up(builder: Any, values: Any) -> Any:
    """The two halves added lane by lane, and so on until one is left."""
    width = LANES
    while width > 1:
        width //= 2
        low, high = (builder.shuffle_vector(values, values, _numbers(first, width)) for first in (0, width))
        values = builder.fadd(low, high)
    return builder.extract_element(values, ir.Constant(INT32, 0))
