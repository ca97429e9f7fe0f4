"""Webhooks over HTTP: an administrator makes, tests, changes and removes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from lookalike.errors import SignatureInvalid
from lookalike.settings import Settings
from lookalike_api.app import MAX_TESTERS, create_app
from tests.integration.installation import Installation
from tests.integration.webhooks.at_work import break_a_delivery, finish
from tests.integration.webhooks.receiver import Receiver
from tests.serving import serving


def app_on(database_url: str, *, allow_hosts: str) -> FastAPI:
    given = {
        "LOOKALIKE_DATABASE_URL": database_url,
        "LOOKALIKE_API_KEYS": "off",
        "LOOKALIKE_ALLOW_HOSTS": allow_hosts,
    }
    return create_app(Settings.load(given))


@pytest.fixture
def app(module_database_url: str) -> FastAPI:
    return app_on(module_database_url, allow_hosts="127.0.0.1")


@pytest.fixture
def http(house: Installation, app: FastAPI) -> Iterator[httpx.Client]:
    with serving(app) as http:
        yield http


def add(http: httpx.Client, url: str, **more: Any) -> dict[str, Any]:
    """The answer: a webhook and its secret."""
    made = http.post("/v1/webhooks", json={"url": url, **more})
    assert made.status_code == 201
    answer: dict[str, Any] = made.json()
    return answer


def test_an_administrator_adds_and_removes_webhooks(
    house: Installation, http: httpx.Client, receiver: Receiver
) -> None:
    finish(house, 1, prefix="before")
    made = add(http, receiver.address, collection="shop", events=["done"])
    assert made["secret"].startswith("whsec_")
    one = f"/v1/webhooks/{made['webhook']['id']}"
    assert http.get("/v1/webhooks").json()["webhooks"] == [made["webhook"]]
    assert http.get(one).json() == made["webhook"]
    assert http.delete(one).status_code == 200
    wrong = http.post("/v1/webhooks", json={"url": "https://user@a.example"})
    assert (wrong.status_code, wrong.json()["title"]) == (400, "Rejected")


def test_one_that_does_not_exist_is_unknown_to_all(http: httpx.Client) -> None:
    one = "/v1/webhooks/9"
    answers = [
        *(http.get(f"{one}{what}") for what in ("", "/deliveries")),
        *(http.post(f"{one}/{what}") for what in ("test", "rotate", "enable", "retry")),
        http.delete(one),
    ]
    assert {(it.status_code, it.json()["title"]) for it in answers} == {(404, "UnknownWebhook")}


def test_what_was_not_taken_is_listed_and_sent_again(
    house: Installation, http: httpx.Client
) -> None:
    one = f"/v1/webhooks/{add(http, 'https://example.org')['webhook']['id']}"
    empty: dict[str, Any] = {"deliveries": [], "next_after": None}
    assert http.get(f"{one}/deliveries").json() == empty
    break_a_delivery(house)
    page = http.get(f"{one}/deliveries?state=dead&limit=1").json()
    (dead,) = page["deliveries"]
    assert (dead["error"], dead["next_at"], page["next_after"]) == ("HTTP 500", None, dead["id"])
    assert http.get(f"{one}/deliveries?after={dead['id']}").json() == empty
    assert http.get(one).json()["disabled_why"] == "nothing was taken in 1 try: HTTP 500"
    assert http.post(f"{one}/enable").json()["disabled_at"] is None
    assert http.post(f"{one}/retry").json() == {"n_retried": 1}
    assert http.get(f"{one}/deliveries?state=dead").json() == empty


def test_a_test_is_signed_and_its_answer_told(http: httpx.Client, receiver: Receiver) -> None:
    made = add(http, f"{receiver.address}/a")
    receiver.statuses = [204, 403]
    test = f"/v1/webhooks/{made['webhook']['id']}/test"
    assert http.post(test).json() == {"is_taken": True, "status": 204, "error": None}
    assert receiver.received[0].message(made["secret"]).type == "webhook.test"
    assert http.post(test).json() == {"is_taken": False, "status": 403, "error": "HTTP 403"}
    assert [one.path for one in receiver.received] == ["/a", "/a"]


def test_a_test_reaches_no_host_that_is_not_allowed(
    house: Installation, module_database_url: str, receiver: Receiver
) -> None:
    with serving(app_on(module_database_url, allow_hosts="")) as http:
        made = add(http, receiver.address)
        answer = http.post(f"/v1/webhooks/{made['webhook']['id']}/test")
    assert answer.status_code == 200
    assert (answer.json()["is_taken"], answer.json()["status"]) == (False, None)
    assert answer.json()["error"].startswith("ReferenceForbidden: found port")
    assert receiver.received == []


def test_tests_of_receivers_that_hang_leave_threads_to_others(
    http: httpx.Client, app: FastAPI, receiver: Receiver
) -> None:
    test = f"/v1/webhooks/{add(http, receiver.address)['webhook']['id']}/test"
    testers = app.state.context.testers
    for _ in range(MAX_TESTERS):
        testers.acquire()
    refused = http.post(test)
    assert (refused.status_code, refused.json()["title"]) == (503, "Unavailable")
    assert int(refused.headers["retry-after"]) > 0
    testers.release()
    # A test gives back what it has held.
    assert [http.post(test).json()["is_taken"] for _ in range(2)] == [True, True]


def test_another_secret_is_answered_once_and_both_sign_for_a_while(
    http: httpx.Client, receiver: Receiver
) -> None:
    made = add(http, receiver.address)
    one = f"/v1/webhooks/{made['webhook']['id']}"
    new = http.post(f"{one}/rotate").json()
    assert new["secret"] != made["secret"]
    assert "whsec_" not in http.get(one).text
    http.post(f"{one}/test")
    (came,) = receiver.received
    assert came.message(made["secret"]) == came.message(new["secret"])


def test_a_secret_that_leaked_signs_nothing_more(http: httpx.Client, receiver: Receiver) -> None:
    made = add(http, receiver.address)
    one = f"/v1/webhooks/{made['webhook']['id']}"
    new = http.post(f"{one}/rotate?overlap_s=0").json()
    http.post(f"{one}/test")
    receiver.received[0].message(new["secret"])
    with pytest.raises(SignatureInvalid):
        receiver.received[0].message(made["secret"])
    assert http.post(f"{one}/rotate?overlap_s=-1").status_code == 422
