"""Celery's only task: unpack, call, report."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from celery import Celery

from lookalike.errors import StoreUnavailable
from lookalike.jobs import Chunk
from lookalike.queue.broker import EMBED_TASK

log = structlog.get_logger()


def register_tasks(app: Celery, run_chunk: Callable[[Chunk], int]) -> None:
    """Bind the task `lookalike.embed` to a pipeline."""

    @app.task(name=EMBED_TASK, acks_late=True, ignore_result=True)
    def embed(wire: dict[str, object]) -> None:
        try:
            chunk = Chunk.from_wire(wire)
        except ValueError as error:
            # Its jobs stay leased in Postgres, and a relay of this release sends them again.
            log.error("unreadable chunk", message=str(error))
            return
        try:
            if not run_chunk(chunk):
                log.info("stale chunk", lease=chunk.lease)
        except StoreUnavailable as error:
            log.warning("chunk not claimed", lease=chunk.lease, message=str(error))
