"""What a user would write without the product, run on the same servers with the same encoder."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

from celery import Celery

from benchmarks.installation import ROOT, Installation, until
from benchmarks.pipeline.peer import BATCHES, DATABASE_URL, ONE_TASK, REDIS_URL
from benchmarks.pipeline.steady import steady_rate
from lookalike.environment import set_variable

_ENVIRONMENT = ROOT / ".cache" / "celery-batches"
_PACKAGES = "celery-batches celery[redis] numpy pgvector psycopg2-binary sqlalchemy".split()
_TIMEOUT_S = 300

_TABLE = """
    CREATE TABLE IF NOT EXISTS peer_features (
        image_id bigint PRIMARY KEY, features halfvec(4032) STORAGE PLAIN NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""


def run_one_task(place: Installation, n_images: int) -> float:
    """Images a second with a task for each of them."""
    return _run(place, ONE_TASK, sys.executable, "benchmarks.pipeline.one_task", n_images)


def run_batches(place: Installation, n_images: int, python: str) -> float:
    """Images a second with celery-batches."""
    return _run(place, BATCHES, python, "benchmarks.pipeline.batches", n_images)


def environment_of_batches() -> str | None:
    """The Python that has celery-batches, which wants an older Celery; None where none can be made.

    It is made once, in `.cache/celery-batches`.
    """
    python = _ENVIRONMENT / "bin" / "python"
    try:
        if not python.exists():
            _succeed(sys.executable, "-m", "venv", str(_ENVIRONMENT))
            _succeed(str(python), "-m", "pip", "install", "--quiet", *_PACKAGES)
        _succeed(str(python), "-c", "import celery_batches, pgvector, psycopg2, sqlalchemy")
    except subprocess.CalledProcessError as error:
        print(f"celery-batches is left out: {' '.join(error.cmd)} failed: {error.stderr[-500:]}")
        return None
    return str(python)


def _run(place: Installation, name: str, python: str, module: str, n_images: int) -> float:
    database_url, redis_url = place.settings.database_url, place.settings.redis_url
    # Another Redis database than the product's: nobody's messages are touched.
    redis_url = redis_url.rpartition("/")[0] + "/1"
    set_variable(DATABASE_URL, database_url)
    set_variable(REDIS_URL, redis_url)
    place.run(_TABLE, "TRUNCATE peer_features", "CHECKPOINT")
    with (
        closing(Celery(broker=redis_url, set_as_current=False)) as app,
        app.producer_pool.acquire(block=True) as producer,
    ):
        for i in range(n_images):
            app.send_task(name, args=(i,), queue=name, producer=producer)
    worker = ["-m", "celery", "-A", module, *"worker -P threads -c 8 -l warning".split()]
    with place.running(*worker, "--without-gossip", "--without-mingle", python=python):
        until(
            lambda: place.scalar("SELECT count(*) FROM peer_features") >= n_images,
            timeout_s=_TIMEOUT_S,
        )
    moments = place.column("SELECT extract(epoch FROM stored_at) FROM peer_features ORDER BY 1")
    return steady_rate(moments, since=moments[n_images // 5])


def _succeed(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
