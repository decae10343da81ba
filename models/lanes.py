"""Sixteen numbers in one step: vector instructions for the two searches that learning spends most of its time on.

numba leaves loops of sixteen turns scalar: they are unrolled before they could be vectorised, and its vectoriser of
unrolled code is off because it miscompiles (numba pull request 8852). So these say in LLVM's own words what they
mean; LLVM makes of them what the processor has, down to plain scalar code.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from models.batch import Float32s, Int32s, UInt64s

LANES = 16

INT32, INT64, FLOAT = ir.IntType(32), ir.IntType(64), ir.FloatType()
INTS, FLOATS = ir.VectorType(INT32, LANES), ir.VectorType(FLOAT, LANES)
_MASK = ir.IntType(LANES)
_NUMBERS = ir.Constant(INTS, list(range(LANES)))
_NO_NUMBERS = ir.Constant(INTS, [0x7FFFFFFF - (LANES - 1)] * LANES)
_REDUCE_TO_LEAST = f"llvm.vector.reduce.umin.v{LANES}i32"
_ELEMENT_BYTES = 4
_WORD_INDEX_BITS = 6


@intrinsic
def _find_lane(_typing: Any, array: Any, _first: Any, _wanted: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load(context, builder, signature.args[0], arguments[0], arguments[1], INTS)
        hits = builder.bitcast(builder.icmp_signed("==", lanes, everywhere(builder, arguments[2], LANES)), _MASK)
        or_one_beyond = builder.or_(builder.zext(hits, INT32), ir.Constant(INT32, 1 << LANES))
        return builder.zext(builder.cttz(or_one_beyond, ir.Constant(ir.IntType(1), 1)), INT64)

    return types.int64(array, types.int64, types.int32), generate


find_lane = cast("Callable[[Int32s, int, int], int]", _find_lane)
"""Which of the sixteen elements from place `first` on is `wanted`, the first one if several are; 16 = none.

Takes a contiguous array and a place in it, counted as if it had one dimension; looks at no bounds.
"""


def lightest_lane(factors: tuple[float, ...], apart: int) -> Callable[[Float32s, int], int]:
    """Makes a function that tells at which of the sixteen places from `first` on the sum over planes is least.

    There are as many planes as factors, by which their values count; in the contiguous array they lie `apart` elements
    apart. The values must not be negative. Sums that agree in their first 20 binary digits pass for equal, and of
    equal ones the first counts. Looks at no bounds.
    """

    @intrinsic
    def lightest(_typing: Any, array: Any, _first: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array_value, first = arguments
            total = ir.Constant(FLOATS, [0.0] * LANES)
            for plane, factor in enumerate(factors):
                place = builder.add(first, ir.Constant(INT64, plane * apart))
                values = _load(context, builder, signature.args[0], array_value, place, FLOATS)
                total = builder.fadd(total, builder.fmul(values, ir.Constant(FLOATS, [factor] * LANES)))
            return _least(builder, total)

        return types.int64(array, types.int64), generate

    return cast("Callable[[Float32s, int], int]", lightest)


HasBits = Callable[[UInt64s, int, np.uint64], bool]
SetBits = Callable[[UInt64s, int, np.uint64], None]


def lane_bits(salts: tuple[int, ...]) -> tuple[HasBits, SetBits, SetBits]:
    """Makes three functions for a row of 64-bit words in which a key has one bit in each word, hashed by its salt.

    The first tells whether the words from place `first` on have all the bits of a key, the second sets them, the
    third clears them. Look at no bounds.
    """
    words = ir.VectorType(INT64, len(salts))
    spread = ir.Constant(words, [_signed(salt) for salt in salts])

    def masks(builder: Any, key: Any) -> Any:
        hashed = builder.mul(everywhere(builder, key, len(salts)), spread)
        shifts = builder.lshr(hashed, ir.Constant(words, [64 - _WORD_INDEX_BITS] * len(salts)))
        return builder.shl(ir.Constant(words, [1] * len(salts)), shifts)

    @intrinsic
    def has_bits(_typing: Any, array: Any, _first: Any, _key: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            mask = masks(builder, arguments[2])
            held = _load(context, builder, signature.args[0], arguments[0], arguments[1], words)
            missing = builder.icmp_unsigned("!=", builder.and_(held, mask), mask)
            whole = builder.bitcast(missing, ir.IntType(len(salts)))
            return builder.icmp_unsigned("==", whole, ir.Constant(whole.type, 0))

        return types.boolean(array, types.int64, types.uint64), generate

    def changed_bits(change: Callable[[Any, Any, Any], Any]) -> Any:
        @intrinsic
        def change_bits(_typing: Any, array: Any, _first: Any, _key: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
                held = load_lanes(builder, data, arguments[1], words)
                store_lanes(builder, change(builder, held, masks(builder, arguments[2])), data, arguments[1])
                return context.get_dummy_value()

            return types.void(array, types.int64, types.uint64), generate

        return change_bits

    set_bits = changed_bits(lambda builder, held, mask: builder.or_(held, mask))
    clear_bits = changed_bits(lambda builder, held, mask: builder.and_(held, builder.not_(mask)))
    return cast("HasBits", has_bits), cast("SetBits", set_bits), cast("SetBits", clear_bits)


def _load(context: Any, builder: Any, kind: Any, array: Any, first: Any, vector: Any) -> Any:
    return load_lanes(builder, context.make_array(kind)(context, builder, array).data, first, vector)


def load_lanes(builder: Any, data: Any, first: Any, vector: Any) -> Any:
    """The vector whose first element is number `first` of `data`."""
    return builder.load(_place(builder, data, first, vector), align=_ELEMENT_BYTES)


def store_lanes(builder: Any, value: Any, data: Any, first: Any) -> None:
    """Puts a vector where `load_lanes` finds it."""
    builder.store(value, _place(builder, data, first, value.type), align=_ELEMENT_BYTES)


def _place(builder: Any, data: Any, first: Any, vector: Any) -> Any:
    return builder.bitcast(builder.gep(data, [first]), vector.as_pointer())


def everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A vector that holds the value in each lane."""
    undefined = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    in_first = builder.insert_element(undefined, value, ir.Constant(INT32, 0))
    return builder.shuffle_vector(in_first, undefined, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _least(builder: Any, values: Any) -> Any:
    """The bits of floats that are not negative order as the floats do; the last four give way to the lane's number."""
    bits = builder.and_(builder.bitcast(values, INTS), _NO_NUMBERS)
    reduce = cgutils.get_or_insert_function(builder.module, ir.FunctionType(INT32, [INTS]), _REDUCE_TO_LEAST)
    least = builder.call(reduce, [builder.or_(bits, _NUMBERS)])
    return builder.zext(builder.and_(least, ir.Constant(INT32, LANES - 1)), INT64)


@intrinsic
def _bits_of(_typing: Any, _value: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], INT32)

    return types.int32(types.float32), generate


@intrinsic
def _float_of(_typing: Any, _bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return types.float32(types.int32), generate


bits_of = cast("Callable[[np.float32], np.int32]", _bits_of)
"""The bits of a float as an integer."""
float_of = cast("Callable[[np.int32], np.float32]", _float_of)
"""The float that has these bits."""
