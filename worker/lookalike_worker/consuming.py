"""How queries come in: by a consumer of their own, beside Celery's for the bulk lane.

A worker whose slots are full takes no more bulk messages; a query's message
must still reach it, so queries have a channel of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from celery import Celery, bootsteps
from kombu import Consumer, Queue

from lookalike.errors import StoreUnavailable
from lookalike.jobs import Chunk

log = structlog.get_logger()


def consume_queries(
    app: Celery, queue: Queue, take: Callable[[Chunk], object], *, n_threads: int
) -> None:
    """Give `take` the chunks of a queue, in threads, besides Celery's own consumer.

    Nothing is acknowledged: a message is only a hint, and what a dying worker
    has not claimed is sent again by a relay.
    """
    threads = ThreadPoolExecutor(n_threads, thread_name_prefix="query")

    def run(wire: dict[str, object]) -> None:
        try:
            take(Chunk.from_wire(wire))
        except ValueError as error:
            log.error("unreadable chunk", message=str(error))
        except StoreUnavailable as error:
            log.warning("chunk not claimed", message=str(error))

    class Queries(bootsteps.ConsumerStep):
        def get_consumers(self, channel: Any) -> list[Consumer]:
            return [Consumer(channel, [queue], on_message=_received, no_ack=True, accept=["json"])]

    def _received(message: Any) -> None:
        (wire,), _, _ = message.decode()
        threads.submit(run, wire)

    app.steps["consumer"].add(Queries)
