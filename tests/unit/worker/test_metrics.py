"""What a worker tells Prometheus."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Embedded, Failure, Lane, Trace
from lookalike_worker.metrics import WorkerMetrics
from lookalike_worker.observing import Finished

JOB = ClaimedJob(
    1, 1, Lane.INTERACTIVE, ImageRef.parse("https://example.org/a.jpg"), 1, waited_s=0.5
)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def failure(error: str, *, retry_in_s: float | None = None) -> Finished:
    return Finished(Failure(JOB, error, "why", retry_in_s, Trace(30.0)), 0)


def test_each_step_has_its_own_time(registry: CollectorRegistry) -> None:
    trace = Trace(fetched_ms=100, decoded_ms=150, batched_ms=450, encoded_ms=1450)
    outcome = Embedded(JOB, ImageKey.of(b"x"), np.zeros(3, np.float32), trace)
    metrics = WorkerMetrics(registry)
    metrics.encoded(16, 1.0)
    metrics.committed([Finished(outcome, 0)], 0.25)
    sums = {
        name: registry.get_sample_value(f"lookalike_worker_{name}_seconds_sum")
        for name in ("fetch", "decode", "batch_wait", "encode", "commit")
    }
    assert sums == pytest.approx(
        {"fetch": 0.1, "decode": 0.05, "batch_wait": 0.3, "encode": 1.0, "commit": 0.25}
    )
    waits = "lookalike_worker_queue_wait_seconds_sum"
    assert registry.get_sample_value(waits, {"lane": "interactive"}) == 0.5
    assert registry.get_sample_value("lookalike_worker_encoder_busy_seconds_total") == 1.0
    assert registry.get_sample_value("lookalike_worker_batch_images_sum") == 16


def test_a_step_that_was_not_reached_is_not_timed(registry: CollectorRegistry) -> None:
    WorkerMetrics(registry).committed([failure("ImageUnreadable")], 0.1)
    assert registry.get_sample_value("lookalike_worker_fetch_seconds_count") == 1
    assert registry.get_sample_value("lookalike_worker_decode_seconds_count") == 0


def test_failures_are_told_by_the_error_tree_and_what_nobody_foresaw_is_one_reason(
    registry: CollectorRegistry,
) -> None:
    metrics = WorkerMetrics(registry)
    names = ["ImageUnreadable", "FetchFailed", "ZeroDivisionError", "SomeError123"]
    metrics.committed([failure(name) for name in names], 0.1)
    metrics.committed([failure("FetchFailed", retry_in_s=1.0)], 0.1)
    counts = {
        sample.labels["reason"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "lookalike_worker_failures_total"
    }
    assert counts == {"ImageUnreadable": 1, "FetchFailed": 2, "Unexpected": 2}
    images = "lookalike_worker_images_total"
    assert registry.get_sample_value(images, {"outcome": "failed"}) == 4
    assert registry.get_sample_value(images, {"outcome": "retried"}) == 1
