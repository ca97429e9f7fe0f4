"""`lookalike status` tells how things stand, and costs no scan of the jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.database import transaction
from lookalike.images import ImageRef
from lookalike.jobs import Failure, Trace
from lookalike.queue import enqueue_query
from lookalike.queue.workers import heartbeat
from lookalike.status import read_status
from tests.integration.installation import Installation, embedded, random_features


@pytest.fixture
def house(module_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    installation = Installation.on(module_database_url)
    yield installation
    installation.empty()
    installation.close()


def add(house: Installation, n: int, collection: str = "shoes") -> None:
    list(
        house.client.add_many(
            [f"https://example.org/{i}.jpg" for i in range(n)], collection=collection
        )
    )


def test_jobs_are_counted_by_collection_and_lane(house: Installation) -> None:
    add(house, 3)
    one, other, _ = house.claim()
    house.commit([embedded(one, random_features(1)[0])])
    house.commit([Failure(other, "ImageNotFound", "gone", None, Trace())])
    add(house, 5)
    with transaction(house.engine) as connection:
        enqueue_query(connection, "shoes", ImageRef.parse("https://example.org/q.jpg"))
    (shoes,) = house.client.status().collections
    counts = [(lane.lane, lane.queued, lane.leased, lane.done, lane.failed) for lane in shoes.lanes]
    assert counts == [("interactive", 1, 0, 0, 0), ("bulk", 3, 1, 1, 1)]
    assert (shoes.n_images, shoes.n_open) == (5, 5)


def test_the_rate_of_the_last_minute_gives_the_time_left(house: Installation) -> None:
    add(house, 60)
    jobs = house.claim(worker="w-fake")
    house.commit([embedded(job, random_features(1)[0]) for job in jobs[:30]])
    now = house.client.status()
    assert (now.n_open, now.per_s, now.eta_s) == (30, 0.5, 60)
    assert [worker.images_per_s for worker in now.workers] == [0.5]


def test_the_longest_wait_is_of_a_job_that_is_ready(house: Installation) -> None:
    add(house, 2)
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.jobs SET available_at = now() - interval '90 s' WHERE id = 2")
        )
    assert house.client.status().oldest_wait_s == pytest.approx(90, abs=5)
    house.claim()
    assert house.client.status().oldest_wait_s is None


def test_a_job_that_no_feature_space_has_yet_waits_too(house: Installation) -> None:
    add(house, 1)
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.jobs SET space_id = NULL"))
    now = house.client.status()
    assert (now.n_open, now.oldest_wait_s is None) == (1, False)


def test_no_count_of_jobs_or_images_makes_it_slower(house: Installation) -> None:
    """The planner's choices are those for many rows; none of them is a scan of a table."""
    add(house, 5)
    with transaction(house.engine) as connection:
        connection.execute(
            text("""
                INSERT INTO lookalike.jobs
                    (collection_id, image_id, reference, space_id, status, finished_at)
                SELECT 1, n, 'https://example.org/x.jpg', 1,
                    CASE n % 10 WHEN 0 THEN 'queued' WHEN 1 THEN 'failed' ELSE 'done' END,
                    CASE WHEN n % 10 > 0 THEN now() - n * interval '1 s' END
                FROM generate_series(1, 20000) n
            """)
        )
        connection.execute(text("ANALYZE lookalike.jobs"))
    with transaction(house.engine) as connection:
        read_status(connection, lease_s=60)
        scans = connection.execute(
            text("""
                SELECT relname FROM pg_stat_xact_user_tables
                WHERE seq_scan > 0 AND relname IN ('jobs', 'images', 'features')
            """)
        )
        assert scans.all() == []


def test_the_table_tells_flags_and_workers(house: Installation) -> None:
    add(house, 1500)
    house.client.operator.pause("shoes")
    house.client.operator.limit(100, collection="shoes")
    with transaction(house.engine) as connection:
        heartbeat(connection, "w-fake", house.space_id, n_done=7, n_held=5)
    shown = CliRunner().invoke(app, ["status"]).output
    for words in ("1,500 jobs open", "paused", "full: 100", "by hand", "w-fake"):
        assert words in shown


def test_json_is_one_object_with_every_field(house: Installation) -> None:
    add(house, 2)
    answer = json.loads(CliRunner().invoke(app, ["status", "--json"]).output)
    assert answer["n_open"] == 2
    assert answer["collections"][0]["lanes"][0]["lane"] == "bulk"
    assert answer["workers"][0]["description"] == "by hand"


def test_a_piped_watch_prints_each_moment_until_ctrl_c(house: Installation) -> None:
    add(house, 2)
    with subprocess.Popen(
        # As a shell's background job is started: deaf to Ctrl-C, unless it listens on purpose.
        [
            "sh",
            "-c",
            "trap '' INT; exec \"$0\" -m lookalike.cli status --watch --json",
            sys.executable,
        ],
        stdout=subprocess.PIPE,
        env=os.environ,
    ) as process:
        assert process.stdout is not None
        moments = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert moments[0]["at"] < moments[1]["at"]
