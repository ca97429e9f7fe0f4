"""Images by the million over HTTP: a line each, answered while more come."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.serving import serving

URL = "https://images.example/{}.jpg"
NDJSON = {"content-type": "application/x-ndjson"}
# Large enough that an answer does not fit into what the kernel holds for a connection.
MANY = 70_000


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> FastAPI:
    return create_app(
        Settings.load(
            {
                "LOOKALIKE_DATABASE_URL": database_url,
                "LOOKALIKE_API_KEYS": "off",
                "LOOKALIKE_FILE_ROOTS": str(tmp_path),
            }
        )
    )


@pytest.fixture
def http(app: FastAPI) -> Iterator[httpx.Client]:
    with serving(app) as client:
        yield client


def bulk(http: httpx.Client, lines: Iterable[bytes], **params: str) -> list[dict[str, Any]]:
    answer = http.post("/v1/images/bulk", content=iter(lines), headers=NDJSON, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def line(n: object, **metadata: object) -> bytes:
    return json.dumps({"reference": URL.format(n), "metadata": metadata}).encode() + b"\n"


def test_every_line_is_answered_in_its_order(http: httpx.Client) -> None:
    lines = [line(n, i=n) for n in range(12_000)]
    answers = bulk(http, lines, collection="shoes")
    assert [answer["line"] for answer in answers] == list(range(1, 12_001))
    assert all(answer["is_new"] for answer in answers)
    first = http.get("/images", params={"collection": "shoes", "limit": 1}).json()["images"][0]
    assert (first["reference"], first["metadata"]) == (URL.format(0), {"i": 0})
    again = bulk(http, lines[:3], collection="shoes")
    assert [answer["image_id"] for answer in again] == [one["image_id"] for one in answers[:3]]
    assert not any(answer["is_new"] for answer in again)


def test_a_bad_line_costs_itself_alone(http: httpx.Client) -> None:
    bad = [
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"reference": "ftp://a/b"}',
        b'{"reference": "/etc/passwd"}',
        b'{"reference": "https://a.example/b", "kolection": "x"}',
        b'{"reference": "https://a.example/b", "metadata": {"a": "\\u0000"}}',
        b'{"reference": "https://a.example/\\ud800"}',
        b'{"reference": "https://a.example/b", "metadata": {"a": NaN}}',
        b'{"reference": "' + b"x" * 70_000 + b'"}',
        b'{"a":' * 20_000,
    ]
    body = b"\n".join([bad[0], line(1).strip(), *bad[1:], line(2).strip()])
    answers = bulk(http, [body])
    titles = [answer["problem"]["title"] if "problem" in answer else "" for answer in answers]
    assert titles == [
        "InvalidRequest",
        "",
        *["InvalidRequest"] * 3,
        "ReferenceInvalid",
        "ReferenceForbidden",
        "InvalidRequest",
        "MetadataInvalid",
        "InvalidRequest",
        "MetadataInvalid",
        "InvalidRequest",
        "InvalidRequest",
        "",
    ]


def test_blank_lines_are_counted_and_passed_over(http: httpx.Client) -> None:
    answers = bulk(http, [b"\n", line(1), b"  \r\n", line(2).strip()])
    assert [answer["line"] for answer in answers] == [2, 4]
    assert bulk(http, []) == []


def test_beyond_a_limit_each_line_has_its_problem(http: httpx.Client, app: FastAPI) -> None:
    app.state.context.backend.client.operator.limit(700)
    answers = bulk(http, [line(n) for n in range(1000)])
    assert ["problem" in answer for answer in answers] == [False] * 700 + [True] * 300
    assert answers[-1]["problem"]["title"] == "BacklogFull"


@pytest.mark.parametrize(
    ("headers", "params", "status"),
    [
        ({"content-type": "application/json"}, {}, 415),
        ({**NDJSON, "sec-fetch-site": "cross-site"}, {}, 403),
        (NDJSON, {"collection": "x" * 201}, 422),
    ],
)
def test_what_is_no_bulk_is_a_problem(
    http: httpx.Client, headers: dict[str, str], params: dict[str, str], status: int
) -> None:
    answer = http.post("/images/bulk", content=line(1), headers=headers, params=params)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_postgres_a_bulk_is_a_problem() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": nowhere, "LOOKALIKE_API_KEYS": "off"})
    with serving(create_app(settings)) as http:
        answer = http.post("/v1/images/bulk", content=line(1), headers=NDJSON)
        assert (answer.status_code, answer.json()["title"]) == (503, "StoreUnavailable")


def test_a_client_that_reads_nothing_until_it_has_sent_all_is_served(http: httpx.Client) -> None:
    answer = http.post(
        "/images/bulk",
        content=(b"{}\n" * 1000 for _ in range(MANY // 1000)),
        headers=NDJSON,
        timeout=120,
    )
    assert answer.text.count("\n") == MANY


def test_answers_come_while_the_request_is_sent(http: httpx.Client) -> None:
    with talking(http) as connection:
        send_chunk(connection, line(1))
        assert b'"line":1' in received(connection, b'"is_new":true}')
        send_chunk(connection, line(2))
        assert b'"line":2' in received(connection, b'"is_new":true}')
        connection.sendall(b"0\r\n\r\n")
        received(connection, b"0\r\n\r\n")


def test_a_client_that_goes_away_ends_the_work(http: httpx.Client) -> None:
    with talking(http) as connection:
        send_chunk(connection, line(1) * 3)
        received(connection, b'"line":3')
    # What it had sent is there; and the server has not kept anything of it running.
    deadline = time.monotonic() + 20
    while 'route="/images/bulk",status="200"} 1.0' not in http.get("/metrics").text:
        assert time.monotonic() < deadline
    assert http.get("/status").json()["n_images"] == 1


@contextmanager
def talking(http: httpx.Client) -> Iterator[socket.socket]:
    """A connection on which the head of a bulk has been sent."""
    parts = urlsplit(str(http.base_url))
    with closing(socket.create_connection((parts.hostname or "", parts.port or 0), 30)) as there:
        there.sendall(
            b"POST /v1/images/bulk HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        yield there


def send_chunk(connection: socket.socket, data: bytes) -> None:
    connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))


def received(connection: socket.socket, end: bytes) -> bytes:
    data = b""
    while end not in data:
        some = connection.recv(65536)
        assert some, data
        data += some
    return data
