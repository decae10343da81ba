"""The trace that a record belongs to, as its headers tell it (W3C Trace Context)."""

from worker.ports import Record

PARENT, STATE = "traceparent", "tracestate"
MOST_BYTES = 512  # everybody is to pass on a state of so much; who writes records shall not fill the dead letters

Headers = tuple[tuple[str, bytes], ...]


def parent_of(record: Record) -> bytes | None:
    """Its first `traceparent`, sound or not; None where it has none, or one that is too long to be any."""
    return _first(record, PARENT)


def trace_headers(record: Record) -> Headers:
    """What to write on with whatever becomes of the record; a state means nothing without a parent."""
    parent, state = _first(record, PARENT), _first(record, STATE)
    if parent is None:
        return ()
    return ((PARENT, parent),) if state is None else ((PARENT, parent), (STATE, state))


def _first(record: Record, header: str) -> bytes | None:
    found = next((value for name, value in record.headers or () if name == header), None)
    return found if found is not None and len(found) <= MOST_BYTES else None
