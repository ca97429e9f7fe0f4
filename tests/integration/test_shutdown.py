"""A worker's end and a query's way, while slow hosts hold everything up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from lookalike.jobs import JobStatus
from lookalike.queue import Enqueued
from tests.processes import Processes

N = 40


class SlowHost:
    """Answers every request with a picture, once it is allowed to."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.address = ""

    def urls(self) -> list[str]:
        return [f"{self.address}/{i}.png" for i in range(N)]


@contextmanager
def slow_host() -> Iterator[SlowHost]:
    host = SlowHost()
    body = picture()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.may_answer.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # the worker went away

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    host.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield host
    finally:
        host.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (40, 40), "teal").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def host() -> Iterator[SlowHost]:
    with slow_host() as host:
        yield host


def ids(added: list[Enqueued]) -> list[int]:
    return [one.job_id for one in added if one.job_id is not None]


def holding(processes: Processes) -> bool:
    """Whether the worker has all jobs: what is only published waits for it in Redis."""
    in_hand = processes.client.operator.in_hand()
    return sum(one.n_jobs for one in in_hand if one.worker is not None) == N


@pytest.mark.parametrize("n_signals", [1, 2])
def test_what_a_stopping_worker_cannot_finish_goes_back_without_an_attempt(
    host: SlowHost, database_url: str, redis_url: str, tmp_path: Path, n_signals: int
) -> None:
    # The bound ends one wait, the second signal the other.
    bound_s = 0.5 if n_signals == 1 else 3600
    options = {"allow_hosts": host.address[7:], "shutdown_s": bound_s, "fetch_timeout_s": 600}
    with Processes(database_url, redis_url, tmp_path, **options) as processes:
        processes.start("relay")
        worker = processes.start_worker()
        added = list(processes.client.add_many(host.urls()))
        processes.until(lambda: holding(processes))
        for _ in range(n_signals):
            worker.terminate()
            # Two signals at once arrive as one.
            processes.until(lambda: "stopping" in processes.logs())
        assert worker.wait(timeout=30) == 0, processes.logs()
        assert {job.attempts for job in map(processes.client.job, ids(added))} == {0}
        host.may_answer.set()
        processes.start_worker()
        jobs = processes.client.wait(added)
        assert {(job.status, job.attempts) for job in jobs} == {(JobStatus.DONE, 1)}


def test_a_query_does_not_wait_for_a_bulk_that_fills_every_slot(
    host: SlowHost, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    options = {
        "allow_hosts": host.address[7:],
        "fetch_timeout_s": 600,
        "n_slots": 2,
        "shutdown_s": 0,
    }
    with Processes(database_url, redis_url, tmp_path, **options) as processes:
        processes.start("relay")
        processes.start_worker()
        list(processes.client.add_many(host.urls()))
        processes.until(lambda: processes.client.status().workers[0].n_held > 0)
        assert processes.client.embed(picture(), collection="default").features.shape == (4032,)
        assert processes.client.status().n_open == N
