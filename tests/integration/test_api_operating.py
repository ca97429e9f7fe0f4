"""What operators do over HTTP: collections, lists of images, jobs, failures, encoders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import text

from lookalike.database import open_engine, transaction
from lookalike.features import FeatureSpace
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Embedded, Lane, Outcome, Trace
from lookalike.queue.workers import adopt
from lookalike.settings import Settings
from lookalike.store import commit_outcomes, register_space
from lookalike_api.app import create_app
from tests.serving import serving

URL = "https://images.example/{}.jpg"
SPACE = FeatureSpace("fake", "ab" * 32, 3, True)


@pytest.fixture
def http(database_url: str) -> Iterator[httpx.Client]:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_KEYS": "off"})
    with serving(create_app(settings)) as client:
        yield client


def add(http: httpx.Client, name: object, **body: Any) -> dict[str, Any]:
    answer = http.post("/v1/images", json={"reference": URL.format(name), **body})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def claimed(job_id: int) -> ClaimedJob:
    return ClaimedJob(job_id, 0, Lane.BULK, ImageRef(URL.format(job_id)), 1)


def embedded(job_id: int, *features: float) -> Embedded:
    numbers = np.array(features or (1, 0, 0), dtype=np.float32)
    key = ImageKey.of(str(job_id).encode())
    return Embedded(claimed(job_id), key, numbers, Trace(1, 2, 3, 4))


def fail(database_url: str, *job_ids: int, reason: str = "ImageNotFound") -> None:
    change(
        database_url,
        """
        UPDATE lookalike.jobs SET status = 'failed', error = :reason, attempts = 1,
            message = 'nothing is there', finished_at = now() WHERE id = ANY(:ids)
        """,
        ids=list(job_ids),
        reason=reason,
    )


def change(database_url: str, statement: str, **values: object) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        connection.execute(text(statement), values)
        connection.execute(text("NOTIFY lookalike_outcomes"))
    engine.dispose()


def commit(database_url: str, *outcomes: Outcome) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        space_id = register_space(connection, SPACE)
        adopt(connection, space_id)
        commit_outcomes(connection, space_id, outcomes)
    engine.dispose()


def events(text_of_stream: str) -> list[tuple[str, Any]]:
    found = []
    for event in text_of_stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines() if line[:1] != ":")
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_a_collection_is_made_configured_and_listed(http: httpx.Client) -> None:
    path = "/v1/collections/shoes%2Fred"
    assert http.get(path).status_code == 404
    made = http.put(path, json={"paused": "bulk", "max_open": 5})
    assert (made.status_code, made.json()["name"]) == (201, "shoes/red")
    changed = http.put(path, json={"paused": "all"})
    assert changed.status_code == 200
    assert (changed.json()["paused"], changed.json()["max_open"]) == ("all", 5)
    narrowed = http.put(path, json={"paused": "bulk", "max_open": None}).json()
    assert (narrowed["paused"], narrowed["max_open"]) == ("bulk", None)
    assert http.get("/collections").json()["collections"] == [narrowed]


def test_a_collection_tells_how_far_it_is(http: httpx.Client, database_url: str) -> None:
    jobs = [add(http, n, collection="shoes")["job_id"] for n in range(2)]
    commit(database_url, embedded(jobs[0]))
    found = http.get("/v1/collections/shoes").json()
    assert (found["n_images"], found["n_embedded"]) == (2, 1)
    assert (found["encoder"], found["space"], found["is_trained"]) == ("fake", SPACE.name, True)


def test_an_erased_collection_is_gone_and_counted(http: httpx.Client, database_url: str) -> None:
    job_id = add(http, 1, collection="shoes")["job_id"]
    commit(database_url, embedded(job_id))
    receipt = http.delete("/v1/collections/shoes").json()
    assert receipt == {"n_images": 1, "n_features": 1, "n_jobs": 1, "n_uploads": 0}
    assert http.delete("/v1/collections/shoes").status_code == 404


def test_images_are_listed_page_by_page(http: httpx.Client, database_url: str) -> None:
    added = [add(http, n, metadata={"n": n}) for n in range(5)]
    commit(database_url, embedded(added[0]["job_id"]))
    seen: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = http.get("/v1/images", params={"after": after, "limit": 2}).json()
        seen += page["images"]
        after = page["next_after"]
    assert [image["metadata"]["n"] for image in seen] == list(range(5))
    assert [image["is_embedded"] for image in seen] == [True] + [False] * 4
    chosen = http.get("/v1/images", params={"filter": '{"n": 3}'}).json()
    assert [image["image_id"] for image in chosen["images"]] == [added[3]["image_id"]]
    assert chosen["next_after"] is None
    assert http.get("/v1/images", params={"filter": "[1]"}).status_code == 422
    assert http.get("/v1/images", params={"collection": "hats"}).status_code == 404


def test_an_image_is_erased_once(http: httpx.Client) -> None:
    image_id = add(http, 1)["image_id"]
    assert http.delete(f"/v1/images/{image_id}").json()["n_images"] == 1
    again = http.delete(f"/v1/images/{image_id}")
    assert (again.status_code, again.json()["title"]) == (404, "UnknownImage")


def test_jobs_are_read_together_in_the_order_asked_for(http: httpx.Client) -> None:
    jobs = [add(http, n)["job_id"] for n in range(3)]
    found = http.get("/v1/jobs", params={"id": jobs[::-1]}).json()
    assert [job["id"] for job in found["jobs"]] == jobs[::-1]
    assert found["n_open"] == 3
    assert http.get("/v1/jobs", params={"id": [1, 999]}).status_code == 404
    assert http.get("/v1/jobs").status_code == 422


def test_waiting_for_jobs_ends_with_the_last_or_with_the_time(
    http: httpx.Client, database_url: str
) -> None:
    jobs = [add(http, n)["job_id"] for n in range(2)]
    commit(database_url, embedded(jobs[0]))
    at_once = http.get("/v1/jobs/wait", params={"id": jobs, "wait_s": 0.05})
    assert at_once.json()["n_open"] == 1
    writer = threading.Thread(target=fail, args=(database_url, jobs[1]))
    writer.start()
    found = http.get("/v1/jobs/wait", params={"id": jobs, "wait_s": 30}).json()
    writer.join()
    assert [job["status"] for job in found["jobs"]] == ["done", "failed"]


def test_events_tell_each_job_as_it_ends(http: httpx.Client, database_url: str) -> None:
    jobs = [add(http, n)["job_id"] for n in range(3)]
    commit(database_url, embedded(jobs[0]))
    received = ""
    with http.stream("GET", "/v1/jobs/events", params={"id": jobs}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for some in stream.iter_text():
            received += some
            told = [data["id"] for kind, data in events(received) if kind == "job"]
            if told == jobs[:1]:
                fail(database_url, jobs[1])
            elif told == jobs[:2]:
                change(database_url, "DELETE FROM lookalike.jobs WHERE id = :id", id=jobs[2])
    assert [kind for kind, _ in events(received)] == ["job", "job", "end"]
    assert events(received)[-1][1] == {"n_jobs": 2, "purged": [jobs[2]]}


def test_events_of_an_unknown_job_are_a_problem(http: httpx.Client) -> None:
    answer = http.get("/v1/jobs/events", params={"id": 9})
    assert (answer.status_code, answer.json()["title"]) == (404, "UnknownJob")


def test_failures_are_listed_page_by_page_and_counted(
    http: httpx.Client, database_url: str
) -> None:
    jobs = [add(http, n)["job_id"] for n in range(4)]
    fail(database_url, *jobs[:3])
    fail(database_url, jobs[3], reason="FetchFailed")
    seen: list[dict[str, Any]] = []
    asked: dict[str, Any] | None = {"limit": 3}
    while asked is not None:
        page = http.get("/v1/failures", params=asked).json()
        seen += page["failures"]
        after = page["next_after"]
        asked = None if after is None else {"limit": 3, "after": after}
    assert [one["job_id"] for one in seen] == [jobs[3], *jobs[:3]]
    assert page["reasons"] == {"ImageNotFound": 3, "FetchFailed": 1}
    assert (seen[0]["reason"], seen[0]["detail"]) == ("FetchFailed", "nothing is there")
    narrowed = http.get("/v1/failures", params={"reason": "FetchFailed"}).json()
    assert len(narrowed["failures"]) == 1
    assert http.get("/v1/failures", params={"after": "3"}).status_code == 422


def test_failures_are_retried_and_discarded_by_choice(
    http: httpx.Client, database_url: str
) -> None:
    jobs = [add(http, n, collection="shoes")["job_id"] for n in range(4)]
    fail(database_url, *jobs)
    assert http.post("/v1/failures/retry", json={}).status_code == 422
    chosen: dict[str, Any] = {"job_ids": [jobs[0], 999]}
    assert http.post("/v1/failures/retry", json=chosen).json() == {"n_retried": 1}
    assert http.get(f"/v1/jobs/{jobs[0]}").json()["status"] == "queued"
    chosen = {"job_ids": jobs[:2], "reason": "ImageNotFound"}
    assert http.post("/v1/failures/discard", json=chosen).json() == {"n_discarded": 1}
    assert http.post("/v1/failures/retry", json={"collection": "shoes"}).json() == {"n_retried": 2}
    assert http.post("/v1/failures/retry", json={"collection": "hats"}).status_code == 404


def test_the_encoders_tell_who_serves_what(http: httpx.Client, database_url: str) -> None:
    commit(database_url, embedded(add(http, 1, collection="shoes")["job_id"]))
    (found,) = http.get("/v1/encoders").json()["encoders"]
    assert (found["encoder"], found["digest"], found["dimensions"]) == ("fake", "ab" * 32, 3)
    assert (found["n_workers"], found["collections"]) == (0, ["shoes"])


def test_a_search_goes_on_from_an_offset_and_explains_itself(
    http: httpx.Client, database_url: str
) -> None:
    added = [add(http, n) for n in range(4)]
    numbers = [(1, 0, 0), (1, 0.1, 0), (1, 0.5, 0), (0, 0, 1)]
    jobs = zip(added, numbers, strict=True)
    commit(database_url, *(embedded(one["job_id"], *features) for one, features in jobs))
    question = {"image_id": added[0]["image_id"], "k": 2, "offset": 2, "explain": True}
    found = http.post("/v1/search", json=question).json()
    ids = [neighbour["image_id"] for neighbour in found["neighbours"]]
    assert (ids, found["n_missing"]) == ([added[3]["image_id"]], 1)
    assert found["explanation"] == ["exact: every image"]
    assert http.post("/v1/search", json={**question, "offset": 9999}).status_code == 422
