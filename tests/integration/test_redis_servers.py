"""Redis behind sentinels and behind TLS: what is published after a failover arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from celery import Celery

from lookalike.errors import QueueUnavailable
from lookalike.jobs import Chunk, JobStatus, Lane
from lookalike.queue import broker
from tests.integration.test_main_job import pictures
from tests.processes import Processes
from tests.sentinels import Sentinels
from tests.tls import CERTIFICATE, behind_tls

N = 300

pytestmark = pytest.mark.usefixtures("redis_url")  # skips where servers cannot run


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    with Sentinels(tmp_path) as started:
        yield started


def published(app: Celery, lease: int) -> bool:
    """Whether a chunk could be published."""
    with suppress(QueueUnavailable):
        broker.publish(app, 1, Lane.BULK, [Chunk(lease, Lane.BULK)])
        return True
    return False


def received(app: Celery) -> Chunk:
    """The next chunk, taken as a worker takes it."""
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(broker.queue_name(1, Lane.BULK))
        message = queue.get(timeout=5)
        message.ack()
        queue.close()
    ((wire,), _, _) = message.payload
    return Chunk.from_wire(wire)


def until(holds: Callable[[], bool], *, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_relay_and_a_worker_live_through_a_failover(
    sentinels: Sentinels, database_url: str, tmp_path: Path
) -> None:
    with Processes(database_url, sentinels.url, tmp_path, lease_s=2) as processes:
        parts = [processes.start("relay"), processes.start_worker()]
        added = list(processes.client.add_many(pictures(tmp_path / "pictures", N)))
        # In mid-run, so that chunks are in the primary, and others are taken and not acknowledged.
        processes.until(lambda: processes.client.status().n_open < N)
        sentinels.kill_primary()
        assert processes.client.status().n_open > 0, "all was done before the primary was killed"
        jobs = processes.client.wait(added, timeout_s=60)
        assert {job.status for job in jobs} == {JobStatus.DONE}, processes.logs()
        assert [part.poll() for part in parts] == [None, None], processes.logs()


def test_no_password_is_shown_where_an_application_is(sentinels: Sentinels) -> None:
    with broker.celery_app(sentinels.url) as app, app.connection_for_write() as connection:
        shown = f"{connection} {connection.as_uri()} {connection.info()['hostname']}"
        sentinels.stop()
        with pytest.raises(QueueUnavailable) as caught:
            broker.ping(app)
        for password in sentinels.passwords:
            assert password not in f"{shown} {caught.value}"


def test_after_a_failover_chunks_go_to_the_new_primary(sentinels: Sentinels) -> None:
    with broker.celery_app(sentinels.url) as app:
        broker.ping(app)
        broker.leave_mark(app)
        assert published(app, 1)
        assert received(app) == Chunk(1, Lane.BULK)
        before = sentinels.primary()
        sentinels.kill_primary()
        until(lambda: published(app, 3))
        assert sentinels.primary() != before
        assert received(app) == Chunk(3, Lane.BULK)
        broker.ping(app)
        assert broker.remembers(app)


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
def test_tls_serves_who_is_told_the_certificate_and_nobody_else(
    redis_url: str, tmp_path: Path
) -> None:
    plain = urlsplit(redis_url)
    assert plain.port is not None
    with behind_tls(plain.port, tmp_path) as port:
        login = plain.netloc.rpartition("@")[0]
        url = f"rediss://{login}@127.0.0.1:{port}{plain.path}"
        trusting = f"{url}?ssl_ca_certs={tmp_path / CERTIFICATE}"
        with broker.celery_app(trusting) as app:
            broker.ping(app)
            assert published(app, 1)
            assert received(app) == Chunk(1, Lane.BULK)
            assert not broker.remembers(app)
        with broker.celery_app(url) as app, pytest.raises(QueueUnavailable, match="certificate"):
            broker.ping(app)
