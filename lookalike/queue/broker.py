"""The way through Redis: one Celery application, one task, two lanes a feature space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from lookalike.errors import QueueUnavailable
from lookalike.jobs import Chunk, Lane
from lookalike.queue.redis_urls import RedisServer, parse_redis_url

EMBED_TASK = "lookalike.embed"
"""A deployed name is a wire contract: it never changes."""

MARK = "lookalike.mark"
"""A key, a string: who finds it missing knows that Redis has lost its memory."""


def celery_app(redis_url: str) -> Celery:
    """A Celery application with the settings that the measurements chose (docs/design.md).

    It connects when first used. Raises InvalidSetting where the URL is none of Redis's.
    """
    server = parse_redis_url(redis_url)
    app = Celery("lookalike", broker=server.broker_url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=dict(server.tls) if server.tls else None,
        task_acks_late=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        # Remote control stays on: without it a saturated thread pool hung for ever after
        # Redis was killed (5 of 5 tries).
        worker_enable_remote_control=True,
        # A Redis without memory or disk refuses what it is told: that passes, as an outage does.
        broker_channel_error_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            # Leases do better what kombu's record of unacknowledged messages in Redis is for; it
            # costs two round trips a message, and stumbled over a server's death.
            "ack_emulation": False,
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            # A connection that was lost without a word is noticed at such a check: at kombu's 25 s,
            # and with timeouts of 10, workers stood still for up to 77 s, with these for 20.
            "health_check_interval": 5,
            **_sentinel_transport(server),
        },
        # A publish that fails gives its rows back at once; the relay is the one that retries.
        task_publish_retry=False,
    )
    return app


def _sentinel_transport(server: RedisServer) -> dict[str, object]:
    if server.master is None:
        return {}
    # Once more, since a connection that lay idle may have died, and no more: redis-py's own
    # default spends 4 s on a sentinel that is down before it asks the next one.
    retry = Retry(NoBackoff(), 1)
    return {
        "master_name": server.master,
        "sentinel_kwargs": {**server.sentinel_options, "retry": retry},
    }


def queue_name(space_id: int, lane: Lane) -> str:
    """Workers of one feature space share two queues, so no job meets a foreign encoder."""
    return f"lookalike.{space_id}.{lane.name.lower()}"


def queues(space_id: int) -> list[Queue]:
    """The queues that a worker of a feature space takes from, the most urgent first."""
    return [Queue(queue_name(space_id, lane), durable=True) for lane in Lane]


def publish(app: Celery, space_id: int, lane: Lane, chunks: Sequence[Chunk]) -> None:
    """Send chunks to the workers of a feature space; raises QueueUnavailable."""
    try:
        with app.producer_pool.acquire(block=True, timeout=10) as producer:
            for chunk in chunks:
                app.send_task(
                    EMBED_TASK,
                    args=(chunk.to_wire(),),
                    queue=queue_name(space_id, lane),
                    producer=producer,
                )
    except (OperationalError, OSError) as error:
        raise _unavailable(error) from error


def remembers(app: Celery) -> bool:
    """Whether Redis still holds the mark that a relay left; raises QueueUnavailable.

    Without the mark it was flushed, or another took its place, and every
    message is gone.
    """
    with _client(app) as client:
        return client.get(MARK) is not None


def leave_mark(app: Celery) -> None:
    """Leave the mark that `remembers` looks for; raises QueueUnavailable."""
    with _client(app) as client:
        client.set(MARK, "1")


@contextmanager
def _client(app: Celery) -> Iterator[redis.Redis]:
    """Redis itself, by the connection that Celery keeps."""
    try:
        with app.connection_or_acquire() as connection:
            yield connection.default_channel.client
    except (OperationalError, OSError, redis.RedisError) as error:
        raise _unavailable(error) from error


def ping(app: Celery) -> None:
    """Raise QueueUnavailable unless Redis answers within seconds."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except (OperationalError, OSError) as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> QueueUnavailable:
    return QueueUnavailable(
        f"Redis cannot be reached ({error}): is LOOKALIKE_REDIS_URL right and the server up?"
    )
