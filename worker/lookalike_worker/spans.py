"""Spans of the jobs whose producers are traced; the others cost a look at a field."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lookalike.jobs import Failure, Trace
from lookalike.telemetry.tracing import Recorder, Step
from lookalike_worker.observing import Finished

_STEPS = ("fetch", "decode", "batch", "encode")


class Spans:
    """An observer that records a span for each traced job, once its outcome is committed.

    It begins with the claim and ends with the commit; its parts are the
    steps between, with the times at which they really happened.
    """

    def __init__(self, recorder: Recorder, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._recorder = recorder
        self._clock_ns = clock_ns

    def encoded(self, n_images: int, seconds: float) -> None:
        """The jobs' own traces tell."""

    def committed(self, finished: Sequence[Finished], seconds: float) -> None:
        ended_ns = self._clock_ns()
        commit = Step("commit", ended_ns - int(seconds * 1e9), ended_ns)
        for one in finished:
            if one.outcome.job.trace_parent is not None:
                self._record(one, one.outcome.job.trace_parent, commit)

    def _record(self, one: Finished, trace_parent: str, commit: Step) -> None:
        outcome, job = one.outcome, one.outcome.job
        error = f"{outcome.error}: {outcome.message}" if isinstance(outcome, Failure) else None
        attributes: dict[str, str | int | float] = {
            "lookalike.job": job.id,
            "lookalike.lane": job.lane.name.lower(),
            "lookalike.attempt": job.attempts,
            "lookalike.queue_wait_s": job.waited_s,
        }
        if isinstance(outcome, Failure):
            attributes["error.type"] = outcome.error
        whole = Step("lookalike embed", one.claimed_ns, commit.ended_ns, error)
        steps = _steps(outcome.trace, one.claimed_ns, commit.started_ns, error)
        self._recorder.record(trace_parent, whole, [*steps, commit], attributes)


def _steps(trace: Trace, claimed_ns: int, committing_ns: int, error: str | None) -> list[Step]:
    """The steps that were reached; a failure belongs to the one that has no end."""
    moments_ms = (trace.fetched_ms, trace.decoded_ms, trace.batched_ms, trace.encoded_ms)
    steps: list[Step] = []
    started_ns = claimed_ns
    for name, ended_ms in zip(_STEPS, moments_ms, strict=True):
        if ended_ms is None:
            return [*steps, Step(name, started_ns, max(started_ns, committing_ns), error)]
        ended_ns = claimed_ns + int(ended_ms * 1e6)
        steps.append(Step(name, started_ns, ended_ns))
        started_ns = ended_ns
    return steps
