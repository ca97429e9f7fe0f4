"""Probes and metrics of real processes, and a worker that notices that it is stuck."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from prometheus_client import CollectorRegistry

from lookalike.client import Lookalike
from lookalike.database import open_engine
from lookalike.jobs import JobStatus
from lookalike.local.ports import free_port
from lookalike.queue import broker
from lookalike.relay import Relay, serve_probes
from lookalike.settings import Settings
from lookalike.status.metrics import BacklogCollector, RelayCollector
from lookalike.webhooks.courier import Courier
from lookalike.webhooks.posting import Poster
from tests.half_open import HalfOpen
from tests.integration.installation import Installation
from tests.integration.test_main_job import pictures
from tests.probing import ask
from tests.processes import Processes


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def missing(url: str) -> str:
    status, body = ask(f"{url}/readyz")
    return "no answer" if status == 0 else " ".join(json.loads(body)["missing"])


def test_a_worker_that_no_message_reaches_any_more_says_so_exits_and_its_successor_goes_on(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    redis = urlsplit(redis_url)
    url = f"http://127.0.0.1:{(port := free_port())}"
    with (
        HalfOpen(redis.hostname or "", redis.port or 6379) as proxy,
        Processes(database_url, redis_url, tmp_path, lease_s=1) as healthy,
        Processes(
            database_url,
            urlunsplit(
                redis._replace(netloc=redis.netloc.replace(str(redis.port), str(proxy.port)))
            ),
            tmp_path,
            lease_s=1,
            stuck_s=1,
            metrics_port=port,
        ) as proxied,
    ):
        paths = pictures(tmp_path / "pictures", 20)
        healthy.start("relay")
        worker = proxied.start_worker()
        healthy.client.wait([healthy.client.add(paths[0])])
        healthy.until(lambda: missing(url) == "")
        proxy.go_deaf()
        added = list(healthy.client.add_many(paths))
        healthy.until(lambda: missing(url).startswith("progress: nothing claimed"))
        assert worker.poll() is None, healthy.logs()
        assert worker.wait(timeout=30) == 4, healthy.logs()
        healthy.start_worker()
        jobs = healthy.client.wait(added)
        assert {(job.status, job.attempts) for job in jobs} == {(JobStatus.DONE, 1)}


def test_a_worker_and_a_relay_tell_of_their_work(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    ports = free_port(), free_port()
    with (
        Processes(database_url, redis_url, tmp_path, metrics_port=ports[0]) as relays,
        Processes(database_url, redis_url, tmp_path, metrics_port=ports[1]) as workers,
        # One that knows no Redis: the relay alone publishes.
        Lookalike(database_url) as producer,
    ):
        relays.start("relay")
        workers.start_worker()
        added = [
            *producer.add_many(pictures(tmp_path / "pictures", 3)),
            producer.add(b""),
        ]
        producer.wait(added, timeout_s=60)
        relay, worker = (ask(f"http://127.0.0.1:{port}/metrics")[1].decode() for port in ports)
        assert 'lookalike_worker_images_total{outcome="embedded"} 3.0' in worker
        assert 'lookalike_worker_failures_total{reason="ImageUnreadable"} 1.0' in worker
        assert 'lookalike_worker_info{runtime="fake",space="fake@' in worker
        assert "lookalike_relay_chunks_published_total 0" not in relay
        assert 'lookalike_jobs{lane="bulk",space="fake@' in relay
        relays.until(lambda: missing(f"http://127.0.0.1:{ports[0]}") == "")
        # Another on the same machine is told what is wrong, and is not restarted for ever.
        second = workers.start("worker")
        assert second.wait(timeout=60) == 2
        assert "LOOKALIKE_METRICS_PORT" in workers.logs()


def test_the_backlog_is_told_by_state_lane_and_feature_space(house: Installation) -> None:
    registry = CollectorRegistry()
    registry.register(BacklogCollector(house.engine, lease_s=60))
    list(house.client.add_many([f"https://example.org/{i}.jpg" for i in range(3)]))
    house.client.add("https://example.org/other.jpg", collection="other")
    bulk = {"lane": "bulk", "space": "fake@abababababab"}
    assert told(registry, "lookalike_jobs", state="queued", **bulk) == 4
    house.claim()
    assert told(registry, "lookalike_jobs", state="queued", **bulk) is None
    assert told(registry, "lookalike_jobs", state="leased", **bulk) == 4
    assert told(registry, "lookalike_workers", space="fake@abababababab") == 1
    assert told(registry, "lookalike_postgres_up") == 1


def test_a_scrape_does_not_fail_while_postgres_is_down() -> None:
    engine = open_engine(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    registry = CollectorRegistry()
    registry.register(BacklogCollector(engine, lease_s=60))
    assert told(registry, "lookalike_postgres_up") == 0
    assert [family.name for family in registry.collect()] == ["lookalike_postgres_up"]
    engine.dispose()


def test_a_relay_is_ready_once_a_round_has_succeeded(
    house: Installation, database_url: str, redis_url: str
) -> None:
    celery = broker.celery_app(redis_url)
    relay = Relay(house.engine, celery, Settings.load({"LOOKALIKE_DATABASE_URL": database_url}))
    assert relay.missing() == ["a first round that succeeds"]
    registry = CollectorRegistry()
    registry.register(RelayCollector(relay.counts))
    house.client.add("https://example.org/a.jpg")
    relay.run_once()
    assert relay.missing() == []
    assert told(registry, "lookalike_relay_chunks_published_total") == 1
    assert told(registry, "lookalike_relay_redis_losses_total") == 1
    assert relay.counts.last_round is not None
    relay.counts.last_round -= 60
    assert "60 s ago" in relay.missing()[0]
    celery.close()


def test_a_relay_that_tells_no_webhooks_is_not_ready(
    house: Installation, database_url: str, redis_url: str
) -> None:
    celery, port = broker.celery_app(redis_url), free_port()
    settings = Settings.load(
        {"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_METRICS_PORT": str(port)}
    )
    relay, url = Relay(house.engine, celery, settings), f"http://127.0.0.1:{port}"
    with closing(Poster([])) as poster:
        courier = Courier(house.engine, poster)
        with closing(serve_probes(relay, courier, house.engine, settings)):
            relay.run_once()
            assert missing(url) == "a first round of webhooks that succeeds"
            courier.run_once(threading.Event())
            assert missing(url) == ""
            assert courier.last_round is not None
            courier.last_round -= 90
            assert "a round of webhooks that succeeds within 60 s; the last did 90" in missing(url)
    celery.close()
