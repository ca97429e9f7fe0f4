"""How often a caller may ask: counted by one process, by all through Redis, and without Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
import redis

from lookalike.callers.api_keys import Keys
from lookalike.database import open_engine
from lookalike.settings import Settings
from lookalike_api.app import create_app
from tests.serving import serving

STATUS = "/v1/status"


@pytest.fixture
def started(database_url: str) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(started: ExitStack, database_url: str, **options: str) -> httpx.Client:
    """Another process of the API, as far as its callers and Postgres can tell."""
    given = {"database_url": database_url, "api_keys": "off", "api_rate": "3/day", **options}
    settings = Settings.load({f"LOOKALIKE_{k.upper()}": v for k, v in given.items()})
    return started.enter_context(serving(create_app(settings)))


def test_who_asks_too_often_is_told_when_to_come_again(
    started: ExitStack, database_url: str
) -> None:
    http = start(started, database_url)
    answers = [http.get(STATUS) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert [one.headers["ratelimit"].split(";")[1] for one in answers] == "r=2 r=1 r=0 r=0".split()
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=86400'
    problem = answers[-1].json()
    assert (problem["title"], "LOOKALIKE_API_RATE" in problem["detail"]) == (
        "TooManyRequests",
        True,
    )
    assert 28_000 < int(answers[-1].headers["retry-after"]) <= 28_800
    assert http.get("/v1/healthz").status_code == 200


def test_each_key_has_a_quota_of_its_own(started: ExitStack, database_url: str) -> None:
    http = start(started, database_url, api_keys="required", api_rate="1/day")
    engine = open_engine(database_url)
    secrets = [Keys(engine).create(name).secret for name in "ab"]
    engine.dispose()
    statuses = [
        http.get(STATUS, headers={"authorization": f"Bearer {secret}"}).status_code
        for secret in (secrets[0], secrets[0], secrets[1])
    ]
    assert statuses == [200, 429, 200]


def test_no_rate_is_no_limit(started: ExitStack, database_url: str) -> None:
    http = start(started, database_url, api_rate="none")
    answers = [http.get(STATUS) for _ in range(5)]
    assert {one.status_code for one in answers} == {200}
    assert "ratelimit" not in answers[0].headers


def left(answer: httpx.Response) -> int:
    """How many requests are left, by the answer's headers."""
    return int(answer.headers["ratelimit"].split(";")[1].removeprefix("r="))


@pytest.fixture
def hurried(started: ExitStack, database_url: str) -> httpx.Client:
    """Where no worker is, and nobody waits for one."""
    options = {"api_rate": "50/day", "api_embedding_cost": "20", "query_timeout_s": "0.01"}
    return start(started, database_url, **options)


def test_a_search_that_a_worker_embeds_a_picture_for_counts_as_many(
    hurried: httpx.Client,
) -> None:
    hurried.post("/v1/images", json={"reference": "https://images.example/1.jpg"})
    by_url = {"reference": "https://images.example/2.jpg"}
    answers = [
        hurried.post("/v1/search", json={"image_id": 1}),
        hurried.post("/v1/search", json={"features": [1, 2]}),
        hurried.post("/v1/search", json=by_url),
        hurried.post("/v1/search", files={"file": ("a.png", b"a picture")}),
        hurried.post("/v1/search", json=by_url),
    ]
    assert [left(answer) for answer in answers] == [48, 47, 27, 7, 6]
    assert [answer.status_code for answer in answers[2:]] == [504, 504, 429]
    assert "counts as 20" in answers[-1].json()["detail"]
    assert int(answers[-1].headers["retry-after"]) > 20_000


def test_what_is_refused_for_its_words_keeps_no_worker_busy(hurried: httpx.Client) -> None:
    refused = hurried.post("/v1/search", json={"reference": "https://images.example/1", "k": 0})
    assert (refused.status_code, left(refused)) == (422, 49)


def test_a_search_never_costs_more_than_a_whole_quota(
    started: ExitStack, database_url: str, redis_url: str
) -> None:
    http = start(
        started, database_url, api_rate="5/day", query_timeout_s="0.01", redis_url=redis_url
    )
    by_url = {"reference": "https://images.example/1.jpg"}
    answers = [http.post("/v1/search", json=by_url) for _ in range(2)]
    assert [left(answer) for answer in answers] == [0, 0]
    assert [answer.status_code for answer in answers] == [404, 429]


def test_processes_count_together_in_redis(
    started: ExitStack, database_url: str, redis_url: str
) -> None:
    one, other = (start(started, database_url, redis_url=redis_url) for _ in range(2))
    answers = [http.get(STATUS) for http in (one, other, one, other, one)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.keys()
        assert key == b"lookalike.rate:network:127.0.0.1"
        assert 0 < client.pttl(key) <= 86_400_000


def test_without_redis_requests_are_served_and_each_process_counts(
    started: ExitStack, database_url: str
) -> None:
    http = start(started, database_url, redis_url="redis://127.0.0.1:1/0")
    assert [http.get(STATUS).status_code for _ in range(4)] == [200, 200, 200, 429]
