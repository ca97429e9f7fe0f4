"""From ready rows to messages: fills the windows of all feature spaces that have workers.

The relay does so all the time; a producer that reaches Redis does so right
after it has enqueued, which saves the relay's round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from lookalike.database import transaction
from lookalike.errors import QueueUnavailable
from lookalike.jobs import Chunk, Lane
from lookalike.queue import broker, leases, windows
from lookalike.queue.windows import Window
from lookalike.settings import Settings
from lookalike.telemetry import tracing

if TYPE_CHECKING:
    from celery import Celery


# Where a batch is best of one image, a chunk of one would cost each image all round trips: five
# times the relay's processor time, and twice Postgres's, of chunks of eight.
_LEAST_CHUNK = 8


class Publisher:
    """Leases what is ready, as far as the window has room, and publishes it."""

    def __init__(self, engine: Engine, celery: Celery, settings: Settings) -> None:
        self._engine = engine
        self._celery = celery
        self._lease_s = settings.lease_s
        self._chunk_size = settings.chunk_size
        self._window_chunks = settings.window_chunks

    def publish_ready(self, lanes: Sequence[Lane] = tuple(Lane)) -> int:
        """One round for every feature space with a live worker; how many chunks were sent.

        Raises StoreUnavailable, and QueueUnavailable after giving back what
        could not be sent.
        """
        with transaction(self._engine) as connection:
            found = windows.read_windows(connection, lease_s=self._lease_s)
        return sum(self._publish(window, lane) for window in found for lane in lanes)

    def _publish(self, window: Window, lane: Lane) -> int:
        # A chunk fills a batch: smaller ones cost more round trips, larger ones wait longer.
        chunk_size = self._chunk_size or min(64, max(_LEAST_CHUNK, window.batch_size))
        room = window.n_workers * self._window_chunks * chunk_size - window.published[lane]
        if room <= 0:
            return 0
        chunks = self._lease(window, lane, room, chunk_size)
        if chunks:
            # After the commit: a worker must find the lease that the message names.
            parents = frozenset().union(*(chunk.trace_parents for chunk in chunks))
            with tracing.passing_on("lookalike publish", parents):
                self._send(window.space_id, lane, chunks)
        return len(chunks)

    def _lease(self, window: Window, lane: Lane, room: int, chunk_size: int) -> list[Chunk]:
        with transaction(self._engine) as connection:
            if not windows.take_turn(connection, window.space_id, lane):
                return []
            return windows.lease_jobs(
                connection,
                window.space_id,
                lane,
                n=room,
                chunk_size=chunk_size,
                lease_s=self._lease_s,
                n_workers=window.n_workers,
            )

    def _send(self, space_id: int, lane: Lane, chunks: list[Chunk]) -> None:
        try:
            broker.publish(self._celery, space_id, lane, chunks)
        except QueueUnavailable:
            with transaction(self._engine) as connection:
                leases.give_back(connection, [chunk.lease for chunk in chunks])
            raise
