"""Durable enqueues a second from one producer: `Lookalike.add_many` against Celery's apply_async.

    python -m benchmarks.enqueue [--references 1000000] [--messages 20000] [--rounds 3]

The product's side commits a row for each image and each job to an embedded Postgres that syncs
every commit; the other side sends one message an image, one by one, to an embedded Valkey that
saves nothing. The other side's turns come between portions of the product's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from celery import Celery

from benchmarks.machine import machine
from lookalike.client import Lookalike
from lookalike.local.postgres import embedded_postgres
from lookalike.local.valkey import embedded_valkey
from lookalike.queue.broker import celery_app
from lookalike_migrations import migrate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with (
            embedded_postgres(folder / "postgres") as postgres,
            embedded_valkey(folder / "valkey") as valkey,
        ):
            migrate(postgres.url)
            print(machine())
            figures = _measure(
                postgres.url, valkey.url, given.references, given.messages, given.rounds
            )
            print(json.dumps(figures))


def _measure(
    database_url: str, redis_url: str, n_references: int, n_messages: int, n_rounds: int
) -> dict[str, float]:
    app = celery_app(redis_url)
    portion = n_references // n_rounds
    seconds, ratios = 0.0, []
    with Lookalike(database_url) as client:
        for i in range(n_rounds):
            other = n_messages / _send(app, n_messages)
            took = _add(client, i * portion, portion)
            seconds += took
            ratios.append(portion / took / other)
            print(f"{portion / took:10,.0f} jobs/s, apply_async {other:8,.0f} messages/s")
        n_open = client.status().n_open
    assert n_open == portion * n_rounds, f"found {n_open} jobs"
    app.close()
    return {
        "jobs_per_s": round(n_open / seconds),
        "over_apply_async": round(statistics.median(ratios), 1),
        "n_jobs": n_open,
    }


def _add(client: Lookalike, first: int, n: int) -> float:
    started = time.perf_counter()
    n_new = sum(one.is_new for one in client.add_many(_references(first, n), collection="shop"))
    seconds = time.perf_counter() - started
    assert n_new == n
    return seconds


def _references(first: int, n: int) -> Iterator[str]:
    """Addresses in byte order, as an object store lists them."""
    for i in range(first, first + n):
        yield f"https://images.example.org/products/{i:09d}/front.jpg"


def _send(app: Celery, n: int) -> float:
    task = app.signature("benchmark.embed")
    started = time.perf_counter()
    for i in range(n):
        task.apply_async(args=(f"https://images.example.org/products/{i:09d}/front.jpg",))
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
