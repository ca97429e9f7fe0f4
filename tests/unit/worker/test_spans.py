"""Spans of traced jobs, kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Embedded, Failure, Lane, Trace
from lookalike.telemetry.tracing import Recorder
from lookalike_worker.observing import Finished
from lookalike_worker.spans import Spans

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
PARENT_ID = 0xB7AD6B7169203331
PARENT = f"00-{TRACE_ID:032x}-{PARENT_ID:016x}-01"
MS = 1_000_000
CLAIMED = 1_700_000_000_000 * MS


def job(trace_parent: str | None = PARENT) -> ClaimedJob:
    ref = ImageRef.parse("https://example.org/a.jpg")
    return ClaimedJob(7, 1, Lane.BULK, ref, 2, 0.5, trace_parent)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[Spans]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(Recorder(provider), clock_ns=lambda: CLAIMED + 100 * MS)
    provider.shutdown()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def since_claim_ms(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.start_time - CLAIMED) / MS, (span.end_time - CLAIMED) / MS


def test_a_traced_job_has_its_steps_with_the_times_at_which_they_happened(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    trace = Trace(10, 15, 40, 70)
    outcome = Embedded(job(), ImageKey.of(b"x"), np.zeros(3, np.float32), trace)
    spans.committed([Finished(outcome, CLAIMED)], 0.02)
    found = by_name(exporter)
    assert {name: since_claim_ms(span) for name, span in found.items()} == {
        "lookalike embed": (0, 100),
        "fetch": (0, 10),
        "decode": (10, 15),
        "batch": (15, 40),
        "encode": (40, 70),
        "commit": (80, 100),
    }
    embed = found["lookalike embed"]
    assert embed.parent is not None
    assert (embed.parent.trace_id, embed.parent.span_id) == (TRACE_ID, PARENT_ID)
    assert embed.context is not None
    assert {span.parent and span.parent.span_id for span in found.values()} == {
        PARENT_ID,
        embed.context.span_id,
    }
    assert embed.attributes is not None
    assert embed.attributes["lookalike.job"] == 7


def test_a_failure_is_marked_where_it_happened_with_its_reason(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    outcome = Failure(job(), "ImageUnreadable", "no picture", None, Trace(10))
    spans.committed([Finished(outcome, CLAIMED)], 0.02)
    found = by_name(exporter)
    assert sorted(found) == ["commit", "decode", "fetch", "lookalike embed"]
    wrong = {name for name, span in found.items() if span.status.status_code is StatusCode.ERROR}
    assert wrong == {"decode", "lookalike embed"}
    assert found["lookalike embed"].status.description == "ImageUnreadable: no picture"
    assert since_claim_ms(found["decode"]) == (10, 80)


def test_a_job_that_nobody_traces_leaves_no_span(
    spans: Spans, exporter: InMemorySpanExporter
) -> None:
    outcome = Failure(job(None), "ImageUnreadable", "no picture", None, Trace(10))
    spans.committed([Finished(outcome, CLAIMED)], 0.02)
    spans.encoded(8, 0.1)
    assert exporter.get_finished_spans() == ()
