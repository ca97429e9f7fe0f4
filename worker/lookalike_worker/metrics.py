"""What Prometheus reads of a worker; see `lookalike.metrics` for why labels are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from lookalike import errors
from lookalike.jobs import Embedded, Failure, Lane, Outcome, Trace
from lookalike_worker.observing import Finished

# From a file or an answer of a fast accelerator to the time limit of a fetch, or a large batch on
# a slow processor; steps of about 2, so that a percentile is right to a factor of that.
_STEP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
# From a query in an idle installation, where tens of milliseconds count, to a backlog of days.
_WAIT_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14400, 86400)
# The settings allow 1,024; runtimes are compiled for powers of two.
_BATCH = tuple(2**power for power in range(11))

_STEPS = ("fetch", "decode", "batch_wait")

# Other names are of errors that nobody foresaw, so nobody knows how many there are.
_REASONS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.LookalikeError)
}


class WorkerMetrics:
    """An observer that counts and times; it costs some microseconds an image."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        waits = _histogram(registry, "queue_wait", "From ready to claimed", _WAIT_S, ["lane"])
        self._waits = {lane: waits.labels(lane.name.lower()) for lane in Lane}
        self._steps = {
            "fetch": _histogram(registry, "fetch", "From claimed to fetched, an image", _STEP_S),
            "decode": _histogram(registry, "decode", "From fetched to decoded, an image", _STEP_S),
            "batch_wait": _histogram(
                registry, "batch_wait", "From decoded to taken by the encoder, an image", _STEP_S
            ),
        }
        self._encode = _histogram(registry, "encode", "A call of the encoder, a batch", _STEP_S)
        self._commit = _histogram(registry, "commit", "A transaction with outcomes", _STEP_S)
        self._batch = Histogram(
            "lookalike_worker_batch_images",
            "Images in a call of the encoder",
            buckets=_BATCH,
            registry=registry,
        )
        self._busy = Counter(
            "lookalike_worker_encoder_busy_seconds",
            "Seconds in which the encoder was at work; its rate is the busy fraction",
            registry=registry,
        )
        images = Counter(
            "lookalike_worker_images",
            "Images with a committed outcome: embedded, to be retried, or failed for good",
            ["outcome"],
            registry=registry,
        )
        self._images = {name: images.labels(name) for name in ("embedded", "retried", "failed")}
        self._failures = Counter(
            "lookalike_worker_failures",
            "Attempts that failed, by the error's name in the error tree, or Unexpected",
            ["reason"],
            registry=registry,
        )

    def show(
        self, *, n_held: Callable[[], int], is_ready: Callable[[], bool], space: str, runtime: str
    ) -> None:
        """From now on tell what is asked for at each scrape, and what the worker computes with."""
        held = Gauge("lookalike_worker_jobs_held", "Jobs in hand", registry=self._registry)
        held.set_function(n_held)
        ready = Gauge("lookalike_worker_ready", "Whether /readyz is 200", registry=self._registry)
        ready.set_function(lambda: float(is_ready()))
        info = Gauge(
            "lookalike_worker_info",
            "Always 1; the labels say what the worker computes",
            ["space", "runtime"],
            registry=self._registry,
        )
        info.labels(space, runtime).set(1)

    def encoded(self, n_images: int, seconds: float) -> None:
        self._batch.observe(n_images)
        self._encode.observe(seconds)
        self._busy.inc(seconds)

    def committed(self, finished: Sequence[Finished], seconds: float) -> None:
        self._commit.observe(seconds)
        for one in finished:
            outcome = one.outcome
            self._waits[outcome.job.lane].observe(outcome.job.waited_s)
            for name, step_s in _step_times(outcome.trace):
                self._steps[name].observe(step_s)
            self._images[_name_of(outcome)].inc()
            if isinstance(outcome, Failure):
                reason = outcome.error if outcome.error in _REASONS else "Unexpected"
                self._failures.labels(reason).inc()


def _histogram(
    registry: CollectorRegistry,
    name: str,
    meaning: str,
    buckets: Sequence[float],
    labels: Sequence[str] = (),
) -> Histogram:
    return Histogram(
        f"lookalike_worker_{name}_seconds", meaning, labels, buckets=buckets, registry=registry
    )


def _step_times(trace: Trace) -> Iterator[tuple[str, float]]:
    """The seconds of each step that was reached."""
    before_ms = 0.0
    for name, ended_ms in zip(
        _STEPS, (trace.fetched_ms, trace.decoded_ms, trace.batched_ms), strict=True
    ):
        if ended_ms is None:
            return
        yield name, (ended_ms - before_ms) / 1000
        before_ms = ended_ms


def _name_of(outcome: Outcome) -> str:
    if isinstance(outcome, Embedded):
        return "embedded"
    return "failed" if outcome.retry_in_s is None else "retried"
