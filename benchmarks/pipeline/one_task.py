"""A task for every image, as most applications begin: `celery -A benchmarks.pipeline.one_task`."""

from __future__ import annotations

from benchmarks.pipeline import peer

app = peer.peer_app(peer.ONE_TASK, prefetch=1)


@app.task(name=peer.ONE_TASK)
def embed(image_id: int) -> None:
    peer.store([image_id], peer.encode(1))
