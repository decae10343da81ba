"""Traces by OpenTelemetry, the optional extra `tracing`: a span for each batch, with one for each of its steps.

Where traces go, and how many of them, is said by OpenTelemetry's own variables, `OTEL_EXPORTER_OTLP_ENDPOINT` first.
"""

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from typing_extensions import override

from worker.errors import ConfigurationError
from worker.events import Reject
from worker.observers import Observer, ServedOutcome
from worker.ports import Record
from worker.trace_context import PARENT, parent_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

RECORDS_LOOKED_AT, MOST_LINKS = 256, 32
SECOND_NS = 1_000_000_000


class TracingObserver(Observer):
    """Spans of one worker; a batch that holds records is one, linked to the traces that its first records belong to.

    A record belongs to a trace by its header `traceparent` (W3C Trace Context).
    """

    def __init__(self, tracer: "Tracer") -> None:
        self._tracer = tracer
        self._batch: Span | None = None

    @override
    def polled(self, records: int, seconds: float) -> None:
        self._end()
        if records:
            attributes: dict[str, str | int] = {
                "messaging.system": "kafka",
                "messaging.batch.message_count": records,
            }
            self._batch = self._tracer.start_span("process", attributes=attributes)

    @override
    def received(self, partition: int, records: Sequence[Record]) -> None:
        if self._batch is not None:
            for parent in _parents(records):
                _link(self._batch, parent)

    @override
    def consumed(self, events: int, rejected: Mapping[Reject, int], seconds: float) -> None:
        self._step("decode and clean", seconds, events=events, rejected=sum(rejected.values()))

    @override
    def learned(self, events: int, served: ServedOutcome, seconds: float) -> None:
        self._step("learn", seconds, events=events)

    @override
    def ranked(self, lists: int, seconds: float) -> None:
        self._step("rank", seconds, lists=lists)

    @override
    def published(self, lists: int, refused: int, seconds: float, freshness_seconds: "npt.NDArray[np.float64]") -> None:
        self._step("publish", seconds, lists=lists, refused=refused)

    @override
    def publish_failed(self, lists: int) -> None:
        self._step("publish failed", 0.0, lists=lists)

    @override
    def snapshot_written(self, size_bytes: int, seconds: float) -> None:
        self._step("snapshot", seconds, size_bytes=size_bytes)

    @override
    def waiting(self, users: int) -> None:
        self._end()

    def _step(self, name: str, seconds: float, **numbers: int) -> None:
        """A span that ends now and took so long, of the batch at hand if there is one."""
        from opentelemetry.trace import set_span_in_context

        now_ns = time.time_ns()
        context = None if self._batch is None else set_span_in_context(self._batch)
        attributes = {f"millrace.{key}": value for key, value in numbers.items()}
        start_ns = now_ns - round(seconds * SECOND_NS)
        self._tracer.start_span(name, context, attributes=attributes, start_time=start_ns).end(now_ns)

    def _end(self) -> None:
        if self._batch is not None:
            self._batch.end()
            self._batch = None


def open_tracing(version: str, processor: "SpanProcessor | None" = None) -> TracingObserver:
    """Sends spans where the variables say, or to `processor`. Raises ConfigurationError without the extra."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigurationError(f"tracing needs OpenTelemetry: {error}", "pip install 'millrace[tracing]'") from error
    resource = Resource.create({SERVICE_NAME: "millrace", SERVICE_VERSION: version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    return TracingObserver(provider.get_tracer("millrace", version))


def _parents(records: Sequence[Record]) -> list[str]:
    """Different traces of the first records, in order."""
    found = (parent.decode("ascii", "replace") for parent in map(parent_of, records[:RECORDS_LOOKED_AT]) if parent)
    return list(islice(dict.fromkeys(found), MOST_LINKS))


def _link(span: "Span", parent: str) -> None:
    """Nothing where the text names no trace."""
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = get_current_span(TraceContextTextMapPropagator().extract({PARENT: parent})).get_span_context()
    if context.is_valid:
        span.add_link(context)
