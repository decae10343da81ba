"""Logarithm and exponential in plain arithmetic: loops over them become vector instructions, and all machines agree.

The ones of the C library are called for one number after the other, and may differ in the last bit by library.
"""

import numpy as np

from models.batch import Float32s
from models.compiled import inlined, kernel
from models.lanes import bits_of, float_of

_ROOT_HALF_BITS = 0x3F3504F3
_MANTISSA_BITS = 23
_EXPONENT_BIAS = 127
_LOG_2 = 0.6931471805599453
_LOG_2_HIGH = 0.693359375
_LOG_2_LOW = _LOG_2_HIGH - _LOG_2
LEAST_EXPONENT = -60.0


@inlined
def logarithm(value: np.float32) -> np.float32:
    """Natural logarithm of a positive, normal number; off by 3e-7 at most, or that share of it.

    With value = 2^e m, sqrt(1/2) <= m < sqrt(2), and s = (m - 1) / (m + 1):
    log value = e log 2 + 2 (s + s^3/3 + s^5/5 + s^7/7 + s^9/9).
    """
    bits = bits_of(value)
    exponent = (bits - np.int32(_ROOT_HALF_BITS)) >> np.int32(_MANTISSA_BITS)
    mantissa = float_of(bits - (exponent << np.int32(_MANTISSA_BITS)))
    s = (mantissa - np.float32(1.0)) / (mantissa + np.float32(1.0))
    square = s * s
    series = np.float32(2 / 7) + square * np.float32(2 / 9)
    series = np.float32(2 / 3) + square * (np.float32(2 / 5) + square * series)
    return np.float32(exponent) * np.float32(_LOG_2) + (s * np.float32(2.0) + s * square * series)


@inlined
def exponential(value: np.float32) -> np.float32:
    """E to a power that is not above 80; powers below -60 count as -60. Off by 3e-7 of it at most.

    With value = n log 2 + r, |r| <= log 2 / 2: e^value = 2^n (1 + r + r^2/2! + ... + r^7/7!).
    """
    power = max(value, np.float32(LEAST_EXPONENT))
    turns = power * np.float32(1 / _LOG_2)
    whole = np.int32(turns + (np.float32(0.5) if turns >= 0 else np.float32(-0.5)))
    rest = (power - np.float32(whole) * np.float32(_LOG_2_HIGH)) + np.float32(whole) * np.float32(_LOG_2_LOW)
    series = np.float32(1 / 120) + rest * (np.float32(1 / 720) + rest * np.float32(1 / 5040))
    series = np.float32(1 / 2) + rest * (np.float32(1 / 6) + rest * (np.float32(1 / 24) + rest * series))
    series = np.float32(1.0) + rest * (np.float32(1.0) + rest * series)
    return series * float_of((whole + np.int32(_EXPONENT_BIAS)) << np.int32(_MANTISSA_BITS))


@kernel
def take_logarithms(values: Float32s, count: int) -> None:
    """Replaces the first `count` values, positive and normal, by their logarithms."""
    row = values[:count]
    for place in range(len(row)):
        row[place] = logarithm(row[place])
