"""The same request again: with a key, by two clients at once, and by the bytes alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from lookalike.callers.api_keys import Keys
from lookalike.callers.idempotency import Answer, Claim, Claims, forget_requests
from lookalike.database import open_engine, transaction
from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.serving import serving

IMAGE = {"reference": "https://images.example/1.jpg", "collection": "shoes"}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def processes(database_url: str) -> Iterator[list[httpx.Client]]:
    """Two processes of the API, as far as their callers and Postgres can tell."""
    given = {"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_KEYS": "off"}
    with ExitStack() as stack:
        clients = [stack.enter_context(serving(create_app(Settings.load(given)))) for _ in "ab"]
        for client in clients:
            # A first request builds the routes with the warnings of all threads switched over:
            # one after the other, since both are threads of one process here.
            assert client.get("/v1/healthz").status_code == 200
        yield clients


@pytest.fixture
def http(processes: list[httpx.Client]) -> httpx.Client:
    return processes[0]


def post(http: httpx.Client, key: str, body: dict[str, Any] = IMAGE) -> httpx.Response:
    return http.post("/v1/images", json=body, headers={"idempotency-key": key})


def count(engine: Engine, table: str) -> int:
    with transaction(engine) as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM lookalike.{table}")) or 0)


def age(engine: Engine, hours: float) -> None:
    with transaction(engine) as connection:
        connection.execute(
            text("""
                UPDATE lookalike.idempotent_requests
                SET created_at = created_at - make_interval(secs => 3600 * :hours)
            """),
            {"hours": hours},
        )


def test_the_same_request_gets_the_same_answer(processes: list[httpx.Client]) -> None:
    first, again = (post(http, "k1") for http in processes)
    assert first.json()["is_new"]
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert not post(processes[1], "k2").json()["is_new"]


def test_a_form_may_come_again_with_other_boundaries(http: httpx.Client) -> None:
    for is_replayed in (False, True):
        answer = http.post(
            "/images",
            files={"file": ("a.jpg", b"bytes")},
            headers={"idempotency-key": "form"},
        )
        assert answer.status_code == 202
        assert answer.json()["is_new"]
        assert ("idempotent-replayed" in answer.headers) == is_replayed


def test_another_request_must_not_take_a_key(http: httpx.Client) -> None:
    post(http, "k")
    answer = post(http, "k", {**IMAGE, "collection": "hats"})
    assert (answer.status_code, answer.json()["title"]) == (422, "IdempotencyKeyReused")
    assert "UUID" in answer.json()["detail"]


def test_of_two_at_once_one_is_done_and_the_other_told_to_wait(
    processes: list[httpx.Client], engine: Engine
) -> None:
    with ThreadPoolExecutor(2) as threads:
        with transaction(engine) as connection:
            # What the first adds has to wait, so the second comes while it is under way.
            connection.execute(text("LOCK TABLE lookalike.images IN EXCLUSIVE MODE"))
            both = [threads.submit(post, http, "k") for http in processes]
            told = _first_answer(both)
        done = next(one.result() for one in both if one.result() is not told)
    assert (told.status_code, told.json()["title"]) == (409, "RequestUnderWay")
    assert told.headers["retry-after"] == "1"
    assert (done.status_code, done.json()["is_new"]) == (202, True)
    assert post(processes[0], "k").content == done.content
    assert count(engine, "jobs") == 1


def _first_answer(both: list[Future[httpx.Response]]) -> httpx.Response:
    answered = threading.Event()
    for one in both:
        one.add_done_callback(lambda _: answered.set())
    assert answered.wait(20)
    return next(one.result() for one in both if one.done())


def test_many_at_once_make_one_job(processes: list[httpx.Client], engine: Engine) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: post(processes[n % 2], "k"), range(32)))
    assert {one.status_code for one in answers} <= {202, 409}
    executed = [
        one
        for one in answers
        if one.status_code == 202 and "idempotent-replayed" not in one.headers
    ]
    assert len(executed) == 1
    assert count(engine, "jobs") == 1


def test_a_mistake_is_answered_again_and_what_time_cures_is_tried_again(
    http: httpx.Client, engine: Engine
) -> None:
    wrong = [post(http, "wrong", {"reference": "ftp://a.example/b"}) for _ in range(2)]
    assert [one.status_code for one in wrong] == [400, 400]
    assert "idempotent-replayed" in wrong[1].headers
    with transaction(engine) as connection:
        connection.execute(text("ALTER TABLE lookalike.images RENAME TO away"))
    assert post(http, "k").status_code == 500
    with transaction(engine) as connection:
        connection.execute(text("ALTER TABLE lookalike.away RENAME TO images"))
    answer = post(http, "k")
    assert (answer.status_code, "idempotent-replayed" in answer.headers) == (202, False)


def test_each_api_key_has_keys_of_its_own(database_url: str, engine: Engine) -> None:
    secrets = [Keys(engine).create(name, ["write"]).secret for name in "ab"]
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url})
    with serving(create_app(settings)) as http:
        answers = []
        for secret in secrets:
            http.headers["authorization"] = f"Bearer {secret}"
            answers.append(post(http, "k"))
    assert [one.json()["is_new"] for one in answers] == [True, False]


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "caf\xe9"])
def test_a_key_that_cannot_be_is_refused(http: httpx.Client, key: str) -> None:
    headers = {b"idempotency-key": key.encode("latin-1")}
    answer = http.post("/images", json=IMAGE, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (422, "InvalidRequest")


def test_keys_are_kept_for_a_day(http: httpx.Client, engine: Engine) -> None:
    post(http, "k")
    age(engine, 23)
    assert "idempotent-replayed" in post(http, "k").headers
    age(engine, 2)
    assert "idempotent-replayed" not in post(http, "k").headers
    age(engine, 25)
    with transaction(engine) as connection:
        assert forget_requests(connection) == 1
    assert count(engine, "idempotent_requests") == 0


def test_what_a_dead_process_claimed_is_free_after_a_while(engine: Engine) -> None:
    claims = Claims(engine)
    lost = claims.claim(0, "k", b"f")
    age(engine, 0.1)
    taken = claims.claim(0, "k", b"f")
    assert isinstance(lost, Claim)
    assert isinstance(taken, Claim)
    # Should the first live after all, it changes nothing for the second.
    claims.keep(lost, Answer(200, {}, b"lost"))
    claims.free(lost)
    claims.keep(taken, Answer(200, {}, b"taken"))
    assert claims.claim(0, "k", b"f") == Answer(200, {}, b"taken")


def test_the_same_bytes_again_do_nothing_without_a_key(http: httpx.Client, engine: Engine) -> None:
    names = ("a.jpg", "another name.jpg")
    answers = [http.post("/images", files={"file": (name, b"bytes")}).json() for name in names]
    assert answers[0]["image_id"] == answers[1]["image_id"]
    assert [one["is_new"] for one in answers] == [True, False]
    assert count(engine, "jobs") == count(engine, "uploads") == 1
