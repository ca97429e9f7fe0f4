"""What a round of the relay, an enqueue and a status cost beside many rows: `python -m
benchmarks.relay`.

Jobs grow from ten thousand to five million, once as a backlog, once as
history with a small backlog on top. At each size the middle of many rounds
counts. A round takes back what has run out and fills a worker's window: 64
jobs, published to Valkey; between rounds they are finished, uncounted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from benchmarks.installation import Installation, installed
from benchmarks.machine import machine
from benchmarks.worker import PacedEncoder
from lookalike import store
from lookalike.client import Lookalike
from lookalike.database import tallies, transaction
from lookalike.queue import broker, workers
from lookalike.queue.publishing import Publisher
from lookalike.relay import Relay

# One statement's rows.
_PORTION = 250_000
# On top of history: more than all rounds take.
_BACKLOG = 4_000

# As `enqueue` and a worker's commit leave them.
_FILL = """
    WITH made AS (
        INSERT INTO lookalike.images (collection_id, reference, job_id)
        SELECT {collection}, 'https://example.org/{status}/' || n || '.jpg',
            nextval('lookalike.jobs_id_seq')
        FROM generate_series({first}, {last}) n
        RETURNING id, reference, job_id
    )
    INSERT INTO lookalike.jobs
        (id, collection_id, image_id, reference, space_id, status, attempts, finished_at, worker)
    SELECT job_id, {collection}, id, reference, {space}, '{status}', {attempts}, {finished},
        {worker}
    FROM made
"""

_FINISH = """
    WITH ended AS (DELETE FROM lookalike.leases RETURNING job_ids)
    UPDATE lookalike.jobs j SET status = 'done', attempts = 1, finished_at = now()
    FROM (SELECT unnest(job_ids) AS id FROM ended) e WHERE j.id = e.id
"""


class Queue:
    """An installation without processes: the relay's parts, called one by one."""

    def __init__(self, place: Installation) -> None:
        self.place = place
        place.empty()
        with transaction(place.engine) as connection:
            space = store.register_space(connection, PacedEncoder.space)
            workers.announce(connection, f"benchmark {time.time_ns()}", space, "benchmarks.relay")
        # It announces itself once: it lives until the benchmark ends.
        place.run("UPDATE lookalike.workers SET last_seen = 'infinity'")
        place.run("DELETE FROM lookalike.workers WHERE started_at < now() - interval '1 s'")
        celery = broker.celery_app(place.settings.require_redis())
        self._relay = Relay(place.engine, celery, place.settings)
        self._publisher = Publisher(place.engine, celery, place.settings)
        # One that does not know Redis, or it would publish what the relay is timed for.
        self.client = Lookalike(settings=place.settings.model_copy(update={"redis_url": ""}))
        self.client.add("https://example.org/first.jpg")
        self._ids = {
            "collection": int(place.scalar("SELECT max(id) FROM lookalike.collections")),
            "space": space,
        }
        self._n_added = 0

    def fill(self, status: str, first: int, last: int) -> None:
        """Jobs by number, as if they had been enqueued, and embedded where they are done."""
        is_done = status == "done"
        for start in range(first, last + 1, _PORTION):
            self.place.run(
                _FILL.format(
                    status=status,
                    attempts=int(is_done),
                    finished="now() - interval '1 h'" if is_done else "NULL",
                    worker="'benchmark'" if is_done else "NULL",
                    first=start,
                    last=min(last, start + _PORTION - 1),
                    **self._ids,
                )
            )
        self.place.run("SELECT lookalike.fold_tallies()", "ANALYZE lookalike.jobs", "CHECKPOINT")

    def round(self) -> None:
        self._relay.take_back()
        if not self._publisher.publish_ready():
            raise RuntimeError("nothing was published; expected a full window")

    def finish(self) -> None:
        """What workers and housekeeping would do until the next round."""
        self.place.run(_FINISH)
        with transaction(self.place.engine) as connection:
            tallies.fold(connection)

    def add(self) -> None:
        self._n_added += 1
        self.client.add(f"https://example.org/added/{self._n_added}.jpg")


def main() -> None:
    given = _arguments()
    figures: dict[str, float] = {}
    print(machine())
    with installed() as place:
        for prefix, is_history in (("", False), ("history_", True)):
            queue = Queue(place)
            if is_history:
                queue.fill("queued", 1, _BACKLOG)
            before = 0
            for n in sorted(given.rows):
                queue.fill("done" if is_history else "queued", before + 1, n)
                before = n
                turn = _measure(queue, given.rounds)
                figures |= {f"{prefix}{what}_ms_{_short(n)}": ms for what, ms in turn.items()}
                print(f"{prefix or 'backlog_'}{_short(n)}: {turn}", flush=True)
    print(json.dumps(figures | _growth(figures, min(given.rows), max(given.rows))))


def _measure(queue: Queue, n_rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {"relay": [], "enqueue": [], "status": []}
    for _ in range(n_rounds):
        seconds["relay"].append(_seconds(queue.round))
        seconds["status"].append(_seconds(queue.client.status))
        seconds["enqueue"].append(_seconds(queue.add))
        queue.finish()
    return {what: round(statistics.median(times) * 1000, 3) for what, times in seconds.items()}


def _growth(figures: dict[str, float], least: int, most: int) -> dict[str, float]:
    """How many times longer it takes beside the most rows than beside the fewest."""
    a, b = _short(least), _short(most)
    return {
        f"{name.removesuffix(f'_ms_{a}')}_{b}_over_{a}": round(
            figures[name.removesuffix(a) + b] / ms, 2
        )
        for name, ms in figures.items()
        if name.endswith(f"_{a}")
    }


def _short(n: int) -> str:
    return f"{n // 1_000_000}m" if n % 1_000_000 == 0 else f"{n // 1000}k"


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = [10_000, 100_000, 1_000_000, 5_000_000]
    parser.add_argument("--rows", type=int, nargs="+", default=sizes)
    parser.add_argument("--rounds", type=int, default=30)
    return parser.parse_args()


if __name__ == "__main__":
    main()
