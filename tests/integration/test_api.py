"""The HTTP interface against a real Postgres, without a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from lookalike.database import open_engine, transaction
from lookalike.features import FeatureSpace, Tag
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import ClaimedJob, Embedded, Lane, Outcome, Trace
from lookalike.queue.workers import adopt
from lookalike.settings import Settings
from lookalike.store import commit_outcomes, register_space
from lookalike_api.app import MAX_WAITERS, create_app
from tests.serving import serving

URL = "https://images.example/{}.jpg"
SPACE = FeatureSpace("fake", "ab" * 32, 3, True)


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> FastAPI:
    return create_app(
        Settings.load(
            {
                "LOOKALIKE_DATABASE_URL": database_url,
                "LOOKALIKE_API_KEYS": "off",
                "LOOKALIKE_MAX_BYTES": "1000",
                "LOOKALIKE_FILE_ROOTS": str(tmp_path),
                "LOOKALIKE_QUERY_TIMEOUT_S": "0.2",
            }
        )
    )


@pytest.fixture
def http(app: FastAPI) -> Iterator[httpx.Client]:
    with serving(app) as client:
        yield client


def add(http: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = http.post("/v1/images", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def is_problem(answer: Any, status: int, title: str) -> bool:
    body = answer.json()
    return (
        answer.headers["content-type"] == "application/problem+json"
        and (answer.status_code, body["status"], body["title"]) == (status, status, title)
        and bool(body["detail"])
    )


def embedded(job_id: int, features: list[float]) -> Embedded:
    key = ImageKey.of(str(job_id).encode())
    job = ClaimedJob(job_id, 0, Lane.BULK, ImageRef.of_upload(key), 1)
    return Embedded(job, key, np.array(features, dtype=np.float32), Trace(1, 2, 3, 4))


def commit(database_url: str, *outcomes: Outcome) -> None:
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        space_id = register_space(connection, SPACE)
        adopt(connection, space_id)
        commit_outcomes(connection, space_id, outcomes)
    engine.dispose()


@pytest.fixture
def three_images(http: httpx.Client, database_url: str) -> list[int]:
    """Three embedded images; the second is nearer to the first than the third is."""
    added = [add(http, reference=URL.format(n), metadata={"n": n}) for n in range(3)]
    features = [[1.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 1.0]]
    jobs = zip(added, features, strict=True)
    commit(database_url, *(embedded(image["job_id"], numbers) for image, numbers in jobs))
    return [image["image_id"] for image in added]


def test_a_reference_is_enqueued_and_its_job_can_be_followed(http: httpx.Client) -> None:
    answer = http.post("/v1/images", json={"reference": URL.format(1), "collection": "shoes"})
    job = http.get(answer.headers["location"]).json()
    assert answer.status_code == 202
    assert (job["id"], job["status"]) == (answer.json()["job_id"], "queued")
    assert (job["collection"], job["reference"]) == ("shoes", URL.format(1))


def test_adding_twice_is_the_same_as_adding_once(http: httpx.Client) -> None:
    first, second = (add(http, reference=URL.format(1)) for _ in range(2))
    assert second == {**first, "is_new": False}


def test_paths_without_a_version_answer_too(http: httpx.Client) -> None:
    answer = http.post("/images", json={"reference": URL.format(1)})
    assert http.get(f"/jobs/{answer.json()['job_id']}").status_code == 200


def test_an_upload_is_kept_with_its_name_as_a_label(http: httpx.Client) -> None:
    answer = http.post(
        "/v1/images",
        files={"file": ("../../etc/passwd", b"bytes")},
        data={"collection": "shoes", "metadata": '{"sku": 7}'},
    )
    story = http.get(f"/v1/images/{answer.json()['image_id']}").json()
    assert answer.status_code == 202
    assert story["reference"] == ImageRef.of_upload(ImageKey.of(b"bytes")).text
    assert (story["collection"], story["status"]) == ("shoes", "queued")


@pytest.mark.parametrize("n_bytes", [1001, 300_000, 3_000_000])
def test_an_upload_beyond_the_limit_is_refused(http: httpx.Client, n_bytes: int) -> None:
    answer = http.post("/v1/images", files={"file": ("a.jpg", b"x" * n_bytes)})
    assert is_problem(answer, 413, "ImageTooLarge")


def test_an_endless_upload_is_cut_at_the_limit(http: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(1000):
            yield b"x" * 10_000

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = http.post("/v1/images", content=body(), headers=headers)
    assert is_problem(answer, 413, "ImageTooLarge")


def test_a_huge_json_body_is_refused(http: httpx.Client) -> None:
    answer = http.post("/v1/images", json={"reference": "x" * 1_100_000})
    assert answer.status_code == 413


def test_a_file_is_forbidden_unless_its_folder_is_allowed(
    http: httpx.Client, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"bytes")
    assert add(http, reference=(tmp_path / "a.jpg").as_uri())["is_new"]
    for path in ("/search", "/images"):
        answer = http.post(path, json={"reference": "file:///etc/passwd"})
        assert is_problem(answer, 403, "ReferenceForbidden")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"reference": "https://a.example/b", "kolection": "x"}', "kolection"),
        (b"{}", "reference"),
        (b"[1", "body"),
        (b'{"reference": "https://a.example/b", "metadata": {"a": "\\u0000"}}', "metadata"),
    ],
)
def test_wrong_fields_are_named(http: httpx.Client, body: bytes, field: str) -> None:
    answer = http.post("/images", content=body, headers={"content-type": "application/json"})
    assert is_problem(answer, 422, "InvalidRequest")
    assert field in answer.json()["errors"][0]["field"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("multipart/form-data", 400), ("multipart/form-data; boundary=b", 400)],
)
def test_other_bodies_are_refused(http: httpx.Client, content_type: str, status: int) -> None:
    answer = http.post("/images", content=b"hello", headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_upload_needs_a_file(http: httpx.Client) -> None:
    answer = http.post("/images", files={"metadata": (None, b"{}")})
    assert is_problem(answer, 422, "InvalidRequest")


def test_a_form_of_another_site_is_refused(http: httpx.Client) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    answer = http.post("/images", files={"file": ("a.jpg", b"x")}, headers=headers)
    assert is_problem(answer, 403, "OriginForbidden")


@pytest.mark.parametrize(
    ("path", "title"), [("/jobs/9", "UnknownJob"), ("/images/9", "UnknownImage")]
)
def test_what_does_not_exist_is_a_problem(http: httpx.Client, path: str, title: str) -> None:
    assert is_problem(http.get(path), 404, title)
    # A path that has only numbers is another one.
    assert http.get(path + "x").status_code in (404, 422)
    assert is_problem(http.get(path + "9" * 30), 422, "InvalidRequest")


def test_unknown_paths_and_methods_are_problems_too(http: httpx.Client) -> None:
    assert is_problem(http.get("/nowhere"), 404, "Not Found")
    assert is_problem(http.delete("/images"), 405, "Method Not Allowed")


def test_waiting_gives_the_job_as_it_stands_when_time_is_up(http: httpx.Client) -> None:
    job_id = add(http, reference=URL.format(1))["job_id"]
    assert http.get(f"/jobs/{job_id}", params={"wait_s": 0.05}).json()["status"] == "queued"
    assert http.get(f"/jobs/{job_id}", params={"wait_s": 61}).status_code == 422


def test_waiting_ends_when_the_outcome_is_committed(http: httpx.Client, database_url: str) -> None:
    job_id = add(http, reference=URL.format(1))["job_id"]
    outcome = embedded(job_id, [1, 0, 0])
    writer = threading.Thread(target=commit, args=(database_url, outcome))
    writer.start()
    job = http.get(f"/jobs/{job_id}", params={"wait_s": 60}).json()
    writer.join()
    assert job["status"] == "done"


def test_a_stored_image_finds_its_neighbours(http: httpx.Client, three_images: list[int]) -> None:
    answer = http.post("/search", json={"image_id": three_images[0], "k": 2})
    found = answer.json()["neighbours"]
    assert [neighbour["image_id"] for neighbour in found] == three_images[1:]
    assert found[0]["metadata"] == {"n": 1}
    assert 0 < found[0]["distance"] < found[1]["distance"]


def test_a_search_is_narrowed_and_tells_how_many_are_missing(
    http: httpx.Client, three_images: list[int]
) -> None:
    question = {"image_id": three_images[0], "k": 5, "filter": {"n": 2}, "exact": True}
    answer = http.post("/search", json=question).json()
    assert [neighbour["image_id"] for neighbour in answer["neighbours"]] == [three_images[2]]
    assert answer["n_missing"] == 4
    question = {"image_id": three_images[0], "predicate": "$.n > 0", "threshold": 0.5}
    answer = http.post("/search", json=question).json()
    assert [neighbour["image_id"] for neighbour in answer["neighbours"]] == [three_images[1]]


def test_identical_images_are_duplicates(http: httpx.Client, database_url: str) -> None:
    added = [add(http, reference=URL.format(n)) for n in range(2)]
    outcomes = [embedded(image["job_id"], [1.0, 0.0, 0.0]) for image in added]
    commit(database_url, *(replace(outcome, key=ImageKey.of(b"a")) for outcome in outcomes))
    answer = http.get(f"/images/{added[0]['image_id']}/duplicates").json()
    assert [(one["image_id"], one["tier"]) for one in answer["duplicates"]] == [(2, "identical")]
    assert not answer["is_calibrated"]
    page = http.get("/duplicates", params={"n_images": 1}).json()
    assert [(pair["image_id"], pair["other_id"]) for pair in page["pairs"]] == [(1, 2)]
    assert page["next_after"] == 1
    assert http.get("/duplicates", params={"after": 2}).json() == {"pairs": [], "next_after": None}
    answer = http.get("/duplicates", params={"tier": "near_duplicate"})
    assert is_problem(answer, 409, "NotCalibrated")


def test_features_find_their_neighbours(http: httpx.Client, three_images: list[int]) -> None:
    answer = http.post("/search", json={"features": [0, 0, 2], "collection": "default", "k": 1})
    (nearest,) = answer.json()["neighbours"]
    assert (nearest["image_id"], nearest["reference"]) == (three_images[2], URL.format(2))
    assert nearest["distance"] == pytest.approx(0, abs=1e-3)


@pytest.mark.usefixtures("three_images")
@pytest.mark.parametrize(
    ("query", "status", "title"),
    [
        ({"features": [1, 2]}, 409, "WrongFeatureSpace"),
        ({"features": [1, 2, 3], "collection": "none"}, 404, "UnknownCollection"),
        ({"image_id": 99}, 404, "UnknownImage"),
        ({"reference": "ftp://a.example/b"}, 400, "ReferenceInvalid"),
        ({"reference": URL.format(1)}, 504, "WaitedTooLong"),
        ({"image_id": 1, "k": 0}, 422, "InvalidRequest"),
        ({"image_id": 1, "threshold": -1}, 422, "InvalidRequest"),
        ({"image_id": 1, "filter": ["red"]}, 422, "InvalidRequest"),
        ({"image_id": 1, "predicate": "$."}, 400, "FilterInvalid"),
        ({}, 422, "InvalidRequest"),
    ],
)
def test_a_search_that_cannot_be_answered_is_a_problem(
    http: httpx.Client, query: dict[str, Any], status: int, title: str
) -> None:
    answer = http.post("/search", json=query)
    assert is_problem(answer, status, title)
    assert ("retry-after" in answer.headers) == (status == 504)


@pytest.mark.usefixtures("three_images")
def test_an_uploaded_query_waits_for_a_worker_unless_too_many_wait(
    http: httpx.Client, app: FastAPI
) -> None:
    waiters = app.state.context.waiters
    picture = {"file": ("a.jpg", b"bytes")}
    assert is_problem(http.post("/search", files=picture, data={"k": "1"}), 504, "WaitedTooLong")
    for _ in range(MAX_WAITERS):
        waiters.acquire()
    assert is_problem(http.post("/search", files=picture), 503, "Unavailable")


def test_an_image_tells_its_story(http: httpx.Client, three_images: list[int]) -> None:
    story = http.get(f"/images/{three_images[0]}").json()
    assert (story["status"], story["error"], story["space"]) == ("done", None, SPACE.name)
    steps = "fetched_ms decoded_ms batched_ms encoded_ms".split()
    assert [story[step] for step in steps] == [1, 2, 3, 4]
    assert story["tags"] == []


def test_an_image_tells_its_tags(http: httpx.Client, database_url: str) -> None:
    image = add(http, reference=URL.format(1))
    tags = (Tag("giant panda", 0.75), Tag("bamboo", 0.125))
    commit(database_url, replace(embedded(image["job_id"], [1.0, 0.0, 0.0]), tags=tags))
    story = http.get(f"/images/{image['image_id']}").json()
    assert story["tags"] == [asdict(tag) for tag in tags]


def test_the_status_counts_jobs(http: httpx.Client) -> None:
    add(http, reference=URL.format(1), collection="shoes")
    status = http.get("/status").json()
    assert status["n_open"] == 1
    assert status["collections"][0]["name"] == "shoes"
    assert status["collections"][0]["jobs"] == {"queued": 1}
    assert status["collections"][0]["lanes"][0]["queued"] == 1


def test_a_full_collection_answers_429_and_says_when_while_another_takes(
    http: httpx.Client, app: FastAPI
) -> None:
    add(http, reference=URL.format(1), collection="shoes")
    app.state.context.backend.client.operator.limit(1, collection="shoes")
    answer = http.post("/v1/images", json={"reference": URL.format(2), "collection": "shoes"})
    assert is_problem(answer, 429, "BacklogFull")
    assert 1 <= int(answer.headers["retry-after"]) <= 300
    add(http, reference=URL.format(2), collection="hats")


def test_readiness_counts_the_workers(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"alive": True}
    assert http.get("/readyz").json() == {"ready": True, "n_workers": 0}


def test_without_postgres_the_process_lives_and_is_not_ready() -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": nowhere, "LOOKALIKE_API_KEYS": "off"})
    with serving(create_app(settings)) as http:
        assert http.get("/healthz").status_code == 200
        for answer in (http.get("/readyz"), http.get("/status")):
            assert is_problem(answer, 503, "StoreUnavailable")
            assert answer.headers["retry-after"] == "5"


def test_the_description_names_both_content_types(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    one = "images/{image_id} images/{image_id}/duplicates images/{image_id}/thumbnail"
    images = f"images images/bulk {one} duplicates"
    jobs = "jobs jobs/wait jobs/events jobs/{job_id} failures failures/retry failures/discard"
    named = "collections collections/{name} map map/points"
    one_webhook = "deliveries test rotate enable retry".split()
    webhooks = "webhooks webhooks/{webhook_id} " + " ".join(
        f"webhooks/{{webhook_id}}/{what}" for what in one_webhook
    )
    rest = f"{jobs} search {named} {webhooks} encoders status healthz readyz"
    assert set(paths) == {f"/v1/{path}" for path in f"{images} {rest}".split()}
    for path in ("/v1/images", "/v1/search"):
        content = paths[path]["post"]["requestBody"]["content"]
        assert list(content) == ["application/json", "multipart/form-data"]


def test_requests_are_counted_by_route_whatever_paths_and_methods_clients_invent(
    http: httpx.Client,
) -> None:
    add(http, reference=URL.format(1))
    for number, method in enumerate(("LOCK", "MKCOL", "PROPFIND")):
        http.get(f"/v1/jobs/{number + 1000}")
        http.request(method, f"/no/such/path/{number}")
    # No method at all is refused before anything is counted.
    assert http.request("ODD", "/no/such/path").status_code == 400
    text = http.get("/metrics").text
    posted = 'method="POST",route="/images",status="202"'
    assert f"lookalike_api_requests_total{{{posted}}} 1.0" in text
    assert 'method="GET",route="/jobs/{job_id}",status="404"} 3.0' in text
    assert 'method="other",route="none",status="404"} 3.0' in text
    assert 'lookalike_jobs{lane="bulk",space="none",state="queued"} 1.0' in text
