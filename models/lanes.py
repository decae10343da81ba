"""Sixteen numbers in one step: vector instructions for the two searches that learning spends most of its time on.

numba leaves loops of sixteen turns scalar: they are unrolled before they could be vectorised, and its vectoriser of
unrolled code is off because it miscompiles (numba pull request 8852). So these say in LLVM's own words what they
mean; LLVM makes of them what the processor has, down to plain scalar code.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from models.batch import Float32s, Int32s

LANES = 16

_MASK, _INT32, _INT64, _FLOAT = ir.IntType(LANES), ir.IntType(32), ir.IntType(64), ir.FloatType()
_INTS, _FLOATS = ir.VectorType(_INT32, LANES), ir.VectorType(_FLOAT, LANES)
_NUMBERS = ir.Constant(_INTS, list(range(LANES)))
_NO_NUMBERS = ir.Constant(_INTS, [0x7FFFFFFF - (LANES - 1)] * LANES)
_REDUCE_TO_LEAST = f"llvm.vector.reduce.umin.v{LANES}i32"
_ELEMENT_BYTES = 4


@intrinsic
def _find_lane(_typing: Any, array: Any, _first: Any, _wanted: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load(context, builder, signature.args[0], arguments[0], arguments[1], _INTS)
        hits = builder.bitcast(builder.icmp_signed("==", lanes, _everywhere(builder, arguments[2])), _MASK)
        or_one_beyond = builder.or_(builder.zext(hits, _INT32), ir.Constant(_INT32, 1 << LANES))
        return builder.zext(builder.cttz(or_one_beyond, ir.Constant(ir.IntType(1), 1)), _INT64)

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
            total = ir.Constant(_FLOATS, [0.0] * LANES)
            for plane, factor in enumerate(factors):
                place = builder.add(first, ir.Constant(_INT64, plane * apart))
                values = _load(context, builder, signature.args[0], array_value, place, _FLOATS)
                total = builder.fadd(total, builder.fmul(values, ir.Constant(_FLOATS, [factor] * LANES)))
            return _least(builder, total)

        return types.int64(array, types.int64), generate

    return cast("Callable[[Float32s, int], int]", lightest)


def _load(context: Any, builder: Any, kind: Any, array: Any, first: Any, vector: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.load(builder.bitcast(builder.gep(data, [first]), vector.as_pointer()), align=_ELEMENT_BYTES)


def _everywhere(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(_INTS, ir.Undefined)
    in_first = builder.insert_element(undefined, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(in_first, undefined, ir.Constant(_INTS, [0] * LANES))


def _least(builder: Any, values: Any) -> Any:
    """The bits of floats that are not negative order as the floats do; the last four give way to the lane's number."""
    bits = builder.and_(builder.bitcast(values, _INTS), _NO_NUMBERS)
    reduce = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_INT32, [_INTS]), _REDUCE_TO_LEAST)
    least = builder.call(reduce, [builder.or_(bits, _NUMBERS)])
    return builder.zext(builder.and_(least, ir.Constant(_INT32, LANES - 1)), _INT64)
