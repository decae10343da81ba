"""What mutation of JSON may put in: names of fields, and what does harm."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

HOSTILE = (
    b"null",
    b"true",
    b"NaN",
    b"1e308",
    b"-1e400",
    b"9223372036854775807",
    b"18446744073709551616",
    b'"\\ud800"',
    b'"\\u0000"',
    b"\\u007f",
    b"[[[[[[[[",
    b"]]]]]]]]",
    b'{"a":',
    b"\n",
    b"}\n{",
    b'"9999-12-31T23:59:59.999999-14:00"',
    b'"0001-01-01T00:00:00+14:00"',
    b"\xef\xbb\xbf",
    b"\xff",
)


def words_of(shape: Any) -> list[bytes]:
    """For documents of a msgspec type."""
    return [*HOSTILE, *(f'"{name}":'.encode() for name in sorted(set(_names(shape))))]


def _names(shape: Any) -> Iterator[str]:
    """Of the fields of a type and of all types in it."""
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        for field in msgspec.structs.fields(shape):
            yield field.encode_name
            yield from _names(field.type)
    for inner in get_args(shape):
        yield from _names(inner)
