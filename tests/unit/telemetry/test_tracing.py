"""The caller's span, as it goes with a job."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import use_span

from lookalike.errors import InvalidSetting
from lookalike.telemetry import tracing


def test_without_a_span_nothing_is_carried_along() -> None:
    assert tracing.current_trace_parent() is None
    with tracing.producing("enqueue") as trace_parent:
        assert trace_parent is None


def test_a_web_apps_span_goes_with_its_jobs() -> None:
    span = TracerProvider().get_tracer("app").start_span("request")
    context = span.get_span_context()
    expected = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    with use_span(span, end_on_exit=True):
        assert tracing.current_trace_parent() == expected
        with tracing.producing("enqueue") as trace_parent:
            assert trace_parent is not None
            assert trace_parent.split("-")[1] == f"{context.trace_id:032x}"


def test_a_span_that_is_not_sampled_is_not_carried_along() -> None:
    span = TracerProvider(sampler=ALWAYS_OFF).get_tracer("app").start_span("request")
    with use_span(span):
        assert tracing.current_trace_parent() is None


def test_another_processes_trace_is_gone_on_with() -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with tracing.continuing(parent):
        assert tracing.current_trace_parent() == parent
    assert tracing.current_trace_parent() is None


def test_nonsense_for_a_trace_parent_is_no_trace() -> None:
    with tracing.continuing("nonsense"):
        assert tracing.current_trace_parent() is None


def test_enqueueing_does_not_load_opentelemetry() -> None:
    question = (
        "import sys; from lookalike.telemetry import tracing; tracing.current_trace_parent();"
        "tracing.producing('x').__enter__(); print(*sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", question], capture_output=True, text=True, check=True
    )
    assert "opentelemetry" not in {name.split(".")[0] for name in answer.stdout.split()}


def test_without_the_extra_the_setting_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(InvalidSetting, match=r"pip install 'lookalike\[otel\]'"):
        tracing.configure("lookalike-worker", is_on=True)


def test_spans_are_sent_nowhere_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    tracing.configure("lookalike-worker", is_on=False)()
