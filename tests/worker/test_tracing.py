"""Traces: a span for each batch, its steps under it, and links to the traces that its records belong to."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.support.waiting import wait_until
from worker.adapters.memory_source import MemoryRecord
from worker.events import Reject
from worker.observers import ServedOutcome
from worker.trace_context import MOST_BYTES, trace_headers
from worker.tracing import MOST_LINKS, TracingObserver, open_tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> TracingObserver:
    return open_tracing("1.2.3", SimpleSpanProcessor(exporter))


def record(parent: str | None = None) -> MemoryRecord:
    headers = () if parent is None else (("other", b"x"), ("traceparent", parent.encode()))
    return MemoryRecord(0, 0, b"k", b"{}", headers)


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_batch_is_a_span_and_its_steps_lie_under_it(tracing: TracingObserver, exporter: InMemorySpanExporter) -> None:
    tracing.polled(7, 0.01)
    tracing.consumed(5, {Reject.LATE: 2}, 0.25)
    tracing.learned(5, ServedOutcome(), 0.5)
    tracing.published(3, 1, 0.1, np.zeros(3))
    tracing.waiting(0)
    spans = by_name(exporter)
    batch = spans["process"].get_span_context()
    assert batch is not None
    for name in ("decode and clean", "learn", "publish"):
        parent = spans[name].parent
        assert parent is not None
        assert parent.span_id == batch.span_id
    started, ended = spans["learn"].start_time, spans["learn"].end_time
    assert started is not None
    assert ended is not None
    assert (ended - started) / 1e9 == pytest.approx(0.5)
    assert dict(spans["decode and clean"].attributes or {}) == {"millrace.events": 5, "millrace.rejected": 2}


def test_a_batch_is_linked_to_the_traces_of_its_records_once_each(
    tracing: TracingObserver, exporter: InMemorySpanExporter
) -> None:
    another = PARENT.replace("0af7", "1af7")
    tracing.polled(5, 0.0)
    tracing.received(0, [record(PARENT), record(), record(PARENT), record(another), record("nonsense")])
    tracing.waiting(0)
    traces = [f"{link.context.trace_id:032x}" for link in by_name(exporter)["process"].links]
    assert traces == ["0af7651916cd43dd8448eb211c80319c", "1af7651916cd43dd8448eb211c80319c"]


def test_a_batch_has_a_bounded_number_of_links(tracing: TracingObserver, exporter: InMemorySpanExporter) -> None:
    tracing.polled(200, 0.0)
    tracing.received(0, [record(PARENT.replace("0af7", f"{number:04x}")) for number in range(1, 201)])
    tracing.waiting(0)
    assert len(by_name(exporter)["process"].links) == MOST_LINKS


def test_a_record_hands_on_its_first_parent_and_state_where_they_are_not_too_long() -> None:
    def handed_on(*headers: tuple[str, bytes | None]) -> dict[str, bytes]:
        return dict(trace_headers(MemoryRecord(0, 0, b"k", b"{}", headers)))

    parent, state = ("traceparent", PARENT.encode()), ("tracestate", b"a=1")
    assert handed_on(("x", b"1"), state, parent) == dict([parent, state])
    assert handed_on(parent, ("traceparent", b"another")) == dict([parent])
    assert handed_on(parent, ("tracestate", b"x" * (MOST_BYTES + 1))) == dict([parent])
    assert handed_on(state) == handed_on(("traceparent", None), state) == handed_on() == {}
    assert trace_headers(MemoryRecord(0, 0, None, None, None)) == ()  # type: ignore[arg-type]  # as clients have it


def test_a_round_without_records_leaves_no_span(tracing: TracingObserver, exporter: InMemorySpanExporter) -> None:
    tracing.polled(0, 0.05)
    tracing.waiting(0)
    assert exporter.get_finished_spans() == ()
    tracing.snapshot_written(1000, 0.1)
    assert [span.parent for span in exporter.get_finished_spans()] == [None]


def test_spans_go_where_the_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
        tracing = open_tracing("1.2.3")
        tracing.polled(1, 0.0)
        tracing.waiting(0)
        wait_until(lambda: paths == ["/v1/traces"], 20, "the span has come")
        server.shutdown()
        thread.join(5)
