"""celery-batches: a batch of tasks for one call. It runs in an environment of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery_batches import Batches  # type: ignore[import-not-found]

from benchmarks.paced import BATCH_SIZE
from benchmarks.pipeline import peer

# All that its threads fill batches of; one fills while others encode and write.
app = peer.peer_app(peer.BATCHES, prefetch=2 * BATCH_SIZE)


@app.task(base=Batches, name=peer.BATCHES, flush_every=BATCH_SIZE, flush_interval=0.1)
def embed(requests: Sequence[Any]) -> None:
    peer.store([request.args[0] for request in requests], peer.encode(len(requests)))
