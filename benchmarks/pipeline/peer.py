"""What both peers share. They know nothing of the product: one runs where it is not installed.

Neither has leases. A message that Redis or a killed worker loses is a job
lost, and none knows which images are still to be embedded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from celery import Celery
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, create_engine, text
from sqlalchemy.dialects.postgresql import insert

from benchmarks.paced import DIMENSIONS, INPUT_SIZE, Paced

ONE_TASK = "peer.embed_one"
BATCHES = "peer.embed_batch"

DATABASE_URL, REDIS_URL = "PEER_DATABASE_URL", "PEER_REDIS_URL"

table = Table(
    "peer_features",
    MetaData(),
    Column("image_id", BigInteger, primary_key=True, autoincrement=False),
    Column("features", HALFVEC(DIMENSIONS), nullable=False),
    Column("stored_at", DateTime(timezone=True), server_default=text("clock_timestamp()")),
)

_encoder = Paced()
# An accelerator computes one batch at a time.
_turn = threading.Lock()
_engine = create_engine(
    os.environ.get(DATABASE_URL, "postgresql://").replace(
        "postgresql://", "postgresql+psycopg2://"
    ),
    pool_size=16,
)


def peer_app(name: str, *, prefetch: int) -> Celery:
    """A Celery application with the product's settings, as far as they apply."""
    app = Celery(name, broker=os.environ.get(REDIS_URL, "redis://"), set_as_current=False)
    app.conf.update(
        task_default_queue=name,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=prefetch,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"visibility_timeout": 600, "socket_keepalive": True},
    )
    return app


def encode(n: int) -> npt.NDArray[np.float32]:
    """Features of n images, once the encoder is free."""
    batch = np.zeros((n, INPUT_SIZE, INPUT_SIZE, 3), np.float32)
    with _turn:
        return _encoder.encode(batch)


def store(image_ids: Sequence[int], features: npt.NDArray[np.float32]) -> None:
    """Upsert rows in one transaction, as SQLAlchemy does it best."""
    rows: list[dict[str, Any]] = [
        {"image_id": image_id, "features": row}
        for image_id, row in zip(image_ids, features, strict=True)
    ]
    statement = insert(table)
    upsert = statement.on_conflict_do_update(
        index_elements=["image_id"], set_={"features": statement.excluded.features}
    )
    with _engine.begin() as connection:
        connection.execute(upsert, rows)
