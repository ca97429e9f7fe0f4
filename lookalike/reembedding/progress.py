"""How far the space that does not serve is filled."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from lookalike.database import tallies
from lookalike.jobs import JobStatus
from lookalike.reembedding.changes import Change
from lookalike.reembedding.estimating import Pace, read_pace


@dataclass(frozen=True, slots=True)
class Progress:
    """Images in the space that serves and in the other, and jobs in the latter.

    From running totals, so it costs the same for any number of images.
    `n_failed` are jobs that wait for somebody's decision.
    """

    change: Change
    n_serving: int
    n_other: int
    n_waiting: int
    n_failed: int
    pace: Pace

    @property
    def n_left(self) -> int:
        return max(0, self.n_serving - self.n_other)

    @property
    def seconds(self) -> float | None:
        """Until all is there, by the live workers; None where nobody works or none was measured."""
        if not self.n_left:
            return 0.0
        return self.pace.seconds(self.n_left) if self.pace.n_workers else None


def read_progress(connection: Connection, change: Change, *, lease_s: float) -> Progress:
    """How far a change is."""
    where = (change.collection_id, change.other.id)
    counts = dict.fromkeys(JobStatus, 0)
    for tally in tallies.read(connection):
        if (tally.collection_id, tally.space_id) == where:
            counts[tally.status] += tally.n
    return Progress(
        change,
        n_serving=tallies.count_features(connection, change.collection_id, change.serving.id),
        n_other=tallies.count_features(connection, *where),
        n_waiting=sum(n for status, n in counts.items() if not status.is_final),
        n_failed=counts[JobStatus.FAILED],
        pace=read_pace(connection, change.other, lease_s=lease_s),
    )
