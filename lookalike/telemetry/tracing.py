"""Traces across enqueue, publish, embed and commit: the only file that imports OpenTelemetry.

A web app that uses OpenTelemetry configures nothing: its current span goes
with the job. Where it is not loaded, nothing here loads it or costs
anything; `configure` sets it up for processes of our own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lookalike.errors import InvalidSetting

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer, TracerProvider

_SCOPE = "lookalike"


@dataclass(frozen=True, slots=True)
class Step:
    """A span that is over; moments are nanoseconds of the wall clock."""

    name: str
    started_ns: int
    ended_ns: int
    error: str | None = None


class Recorder:
    """Records spans of what is over, below spans that other processes began."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """By default to where `configure` said."""
        from opentelemetry import trace

        self._tracer: Tracer = (provider or trace.get_tracer_provider()).get_tracer(_SCOPE)

    def record(
        self,
        trace_parent: str,
        step: Step,
        parts: Sequence[Step],
        attributes: Mapping[str, str | int | float],
    ) -> None:
        """Record a step that consumed a message, and the parts that it consisted of."""
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.status import Status, StatusCode

        span = self._tracer.start_span(
            step.name,
            _context_of(trace_parent),
            SpanKind.CONSUMER,
            dict(attributes),
            start_time=step.started_ns,
        )
        inside = set_span_in_context(span)
        for part in parts:
            child = self._tracer.start_span(part.name, inside, start_time=part.started_ns)
            if part.error is not None:
                child.set_status(Status(StatusCode.ERROR, part.error))
            child.end(part.ended_ns)
        if step.error is not None:
            span.set_status(Status(StatusCode.ERROR, step.error))
        span.end(step.ended_ns)


def configure(service: str, *, is_on: bool) -> Callable[[], None]:
    """Send this process's spans by OTLP over HTTP; gives what sends the last ones, at the end.

    The standard variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME,
    OTEL_TRACES_SAMPLER and so on) say where to, as whom, and how many.
    Raises InvalidSetting where OpenTelemetry is not installed.
    """
    if not is_on:
        return _do_nothing
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise InvalidSetting(
            "LOOKALIKE_TRACES is true, but OpenTelemetry's SDK is not installed: "
            "pip install 'lookalike[otel]', or unset it",
            value=error.name,
        ) from error
    # What the variables say comes last, and so prevails.
    resource = Resource.create({"service.name": service}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def current_trace_parent() -> str | None:
    """The caller's span as W3C Trace Context writes it, or None where nothing is traced.

    None as well for a span that is not sampled: nobody would see its children.
    """
    if not _is_loaded():
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    ids = f"{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags:02x}"


@contextmanager
def producing(name: str) -> Iterator[str | None]:
    """A producer's span around what is done inside; gives what its jobs carry along."""
    if not _is_loaded():
        yield None
        return
    from opentelemetry import trace

    tracer = trace.get_tracer(_SCOPE)
    with tracer.start_as_current_span(name, kind=trace.SpanKind.PRODUCER):
        yield current_trace_parent()


@contextmanager
def continuing(trace_parent: str | None) -> Iterator[None]:
    """What is done inside belongs to a trace that another process began."""
    if trace_parent is None or not _is_loaded():
        yield
        return
    from opentelemetry import context

    token = context.attach(_context_of(trace_parent))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def passing_on(name: str, trace_parents: Iterable[str]) -> Iterator[None]:
    """A span around what is done inside, in each of the traces for which it is done."""
    with ExitStack() as stack:
        for trace_parent in set(trace_parents) if _is_loaded() else ():
            stack.enter_context(continuing(trace_parent))
            stack.enter_context(producing(name))
        yield


def _context_of(trace_parent: str) -> Context:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": trace_parent})


def _is_loaded() -> bool:
    """Whether anybody in this process uses OpenTelemetry; it is not loaded to find out."""
    return "opentelemetry.trace" in sys.modules


def _do_nothing() -> None:
    """There is nothing to send."""
