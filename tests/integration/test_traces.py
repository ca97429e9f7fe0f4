"""One trace from a caller of the API to the commit, as a collector of spans receives it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lookalike.jobs import JobStatus
from lookalike.local.ports import free_port
from tests.integration.test_main_job import pictures
from tests.probing import ask
from tests.processes import Processes

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE_ID}-b7ad6b7169203331-01"


class Received:
    """Spans by service, as they come in."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(attributes["service.name"], span) for span in scope.spans]

    def names(self) -> set[tuple[str, str]]:
        return {(service, span.name) for service, span in self.spans}


@contextmanager
def receiver() -> Iterator[tuple[str, Received]]:
    """An OTLP/HTTP endpoint on loopback."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            received.take(gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_callers_trace_goes_on_from_the_enqueueing_to_the_commit(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = f"http://127.0.0.1:{(port := free_port())}"
    with receiver() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        options = {"traces": True, "api_port": port, "api_keys": "off"}
        with Processes(database_url, redis_url, tmp_path, **options) as processes:
            processes.start("relay")
            processes.start("api")
            processes.start_worker()
            processes.until(lambda: ask(f"{api}/healthz")[0] == 200)
            image = {"reference": pictures(tmp_path / "pictures", 1)[0].as_uri()}
            answer = httpx.post(f"{api}/v1/images", json=image, headers={"traceparent": CALLER})
            assert answer.status_code == 202, answer.text
            (job,) = processes.client.wait([answer.json()["job_id"]])
            assert job.status is JobStatus.DONE
            steps = ("fetch", "decode", "batch", "encode", "commit")
            expected = {
                ("lookalike-api", "lookalike enqueue"),
                ("lookalike-worker", "lookalike embed"),
                *(("lookalike-worker", step) for step in steps),
            }
            processes.until(lambda: expected <= received.names())
            # By the relay, or by the API itself, whoever is first.
            processes.until(lambda: "lookalike publish" in {name for _, name in received.names()})
    # The web framework may add spans of its own.
    spans = {span.name: span for _, span in received.spans if span.trace_id.hex() == TRACE_ID}
    assert {name for _, name in expected} <= spans.keys()
    enqueue, embed = spans["lookalike enqueue"], spans["lookalike embed"]
    request = spans.get("POST /v1/images", enqueue)
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert spans["lookalike publish"].parent_span_id == enqueue.span_id
    assert embed.parent_span_id == enqueue.span_id
    assert {spans[step].parent_span_id for step in steps} == {embed.span_id}
    assert all(one.start_time_unix_nano <= one.end_time_unix_nano for one in spans.values())
