"""What the way through HTTP costs: `python -m benchmarks.api [--rows 5000] [--references 400000]`.

Searches through `lookalike api` by one client that keeps its connection, on loopback, in turns
with the same searches by the SQL function from psycopg2: by stored images, and by features. Then
a bulk of references as NDJSON, sent and read by one client as `curl -T` does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import psycopg2

from benchmarks.machine import machine
from lookalike.client import Lookalike
from lookalike.environment import environment
from lookalike.features import Features, FeatureSpace
from lookalike.local.ports import free_port
from lookalike.local.postgres import embedded_postgres
from lookalike_migrations import migrate

_DIMENSIONS, _K = 4032, 10
_SPACE = FeatureSpace("benchmark", "ab" * 32, _DIMENSIONS, True)
# The first ones open connections and fill caches.
_UNCOUNTED = 30
# Short, since the API closes a connection that is silent for five seconds.
_TURN = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--references", type=int, default=400_000)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="lookalike-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder / "postgres") as postgres:
            migrate(postgres.url)
            ids, rows = _fill(postgres.url, given.rows)
            with _serving(postgres.url, folder) as port:
                figures = _search(postgres.url, port, given.searches, ids, rows)
                figures["bulk_references_per_s"] = _bulk(port, given.references)
    print(json.dumps(figures))


def _fill(database_url: str, n: int) -> tuple[list[int], Features]:
    rows = np.random.default_rng(1).standard_normal((n, _DIMENSIONS), dtype=np.float32)
    with Lookalike(database_url) as client:
        urls = [f"https://images.example/{i}.jpg" for i in range(n)]
        return client.add_features(urls, rows, _SPACE, collection="shop"), rows


@contextmanager
def _serving(database_url: str, folder: Path) -> Iterator[int]:
    """The API as `lookalike api` runs it; gives its port."""
    port = free_port()
    own = {
        "LOOKALIKE_DATABASE_URL": database_url,
        "LOOKALIKE_API_PORT": str(port),
        "LOOKALIKE_API_KEYS": "off",
        "LOOKALIKE_API_RATE": "none",
    }
    with (folder / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lookalike_api"],
            env=environment() | own,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except ConnectionError:
                time.sleep(0.1)
    sys.exit("the API has ended")


def _search(
    database_url: str, port: int, n: int, ids: Sequence[int], rows: Features
) -> dict[str, float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    direct = psycopg2.connect(database_url)
    direct.autocommit = True

    def question(**by: object) -> str:
        return json.dumps({**by, "k": _K, "collection": "shop"})

    def ask_http(body: str) -> list[int]:
        connection.request("POST", "/v1/search", body, {"Content-Type": "application/json"})
        found = json.loads(connection.getresponse().read())
        return [neighbour["image_id"] for neighbour in found["neighbours"]]

    def ask_sql(query: str, value: object) -> list[int]:
        with direct.cursor() as cursor:
            cursor.execute(f"SELECT * FROM nearest_images({query})", (value,))
            return [int(row[0]) for row in cursor.fetchall()]

    texts = ["[" + ",".join(map(str, row)) + "]" for row in rows[:n].tolist()]
    numbers = [question(features=row) for row in rows[:n].tolist()]
    stored = [question(image_id=image_id) for image_id in ids]
    with closing(connection), closing(direct):
        by_id = _in_turns(
            lambda i: ask_http(stored[i % len(ids)]),
            lambda i: ask_sql(f"%s::bigint, {_K}, 'shop'", ids[i % len(ids)]),
            n,
        )
        by_features = _in_turns(
            lambda i: ask_http(numbers[i % len(numbers)]),
            lambda i: ask_sql(f"%s::halfvec, 'shop', {_K}", texts[i % len(texts)]),
            n // 2,
        )
    for kind, (http, sql) in (("features", by_features), ("image id", by_id)):
        print(f"by {kind}: HTTP p50 {_p(http, 50):.2f} ms, SQL p50 {_p(sql, 50):.2f} ms")
    return {
        "overhead_p50_ms": round(_p(http, 50) - _p(sql, 50), 2),
        "features_overhead_p50_ms": round(_p(by_features[0], 50) - _p(by_features[1], 50), 2),
        "requests_per_s": round(len(http) / sum(http), 1),
        "p50_ms": round(_p(http, 50), 2),
        "p99_ms": round(_p(http, 99), 2),
        "sql_p50_ms": round(_p(sql, 50), 2),
        "sql_p99_ms": round(_p(sql, 99), 2),
    }


def _in_turns(
    one: Callable[[int], list[int]], other: Callable[[int], list[int]], n: int
) -> tuple[list[float], list[float]]:
    """Seconds of each call of the two, some of the one and then as many of the other."""
    assert one(0) == other(0), "the two ways find different images"
    seconds: tuple[list[float], list[float]] = ([], [])
    for first in range(0, n + _UNCOUNTED, _TURN):
        for call, own in zip((one, other), seconds, strict=True):
            for i in range(first, first + _TURN):
                started = time.perf_counter()
                call(i)
                own.append(time.perf_counter() - started)
    return seconds[0][_UNCOUNTED:], seconds[1][_UNCOUNTED:]


def _p(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent)) * 1000


def _bulk(port: int, n: int) -> int:
    """References a second, from the request's first byte to the answer's last."""
    lines = [
        b'{"reference": "https://images.example.org/products/%09d/front.jpg"}\n' % i
        for i in range(n)
    ]
    with closing(HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
        started = time.perf_counter()
        connection.request(
            "POST",
            "/v1/images/bulk?collection=bulk",
            (b"".join(lines[i : i + 1000]) for i in range(0, n, 1000)),
            {"Content-Type": "application/x-ndjson"},
            encode_chunked=True,
        )
        n_new = connection.getresponse().read().count(b'"is_new":true')
        seconds = time.perf_counter() - started
    assert n_new == n, f"found {n_new} new images"
    print(f"bulk: {n / seconds:,.0f} references/s")
    return round(n / seconds)


if __name__ == "__main__":
    main()
