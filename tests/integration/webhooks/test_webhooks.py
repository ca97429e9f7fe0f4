"""Webhooks, with a receiver that listens: what is told, and whatever becomes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from lookalike.database import transaction
from lookalike.errors import Rejected, UnknownCollection, UnknownWebhook
from lookalike.images import ImageRef
from lookalike.jobs import Lane
from lookalike.queue import enqueue_query
from lookalike.queue.failures import Selection
from lookalike.settings import Settings
from lookalike.webhooks.courier import delivering
from lookalike.webhooks.deliveries import forget
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.operations import Webhooks
from lookalike.webhooks.schedule import Schedule
from tests.integration.installation import Installation, embedded, random_features
from tests.integration.webhooks.at_work import (
    ONE_TRY,
    add,
    fail,
    finish,
    jobs_in,
    n_rows,
    running,
    until,
)
from tests.integration.webhooks.receiver import Receiver


def test_an_end_is_told_signed_and_with_ids_alone(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    finish(house, 1, prefix="before")
    made = webhooks.add(f"{receiver.address}/told?by=us")
    finish(house, 2)
    with running(house):
        (came,) = receiver.wait_for(1)
        until(webhooks, lambda webhook: webhook.n_delivered == 1)
    message = came.message(made.secret)
    assert (came.path, message.type) == ("/told?by=us", "jobs.ended")
    assert message.data["collection"] == "shop"
    (first, second) = message.data["jobs"]
    assert first | {"finished_at": ""} == {
        "job_id": first["job_id"],
        "image_id": first["image_id"],
        "status": "done",
        "space": "fake@abababababab",
        "finished_at": "",
    }
    assert [house.client.job(job["job_id"]).image_id for job in (first, second)] == [
        first["image_id"],
        second["image_id"],
    ]
    assert b"example.org" not in came.body
    assert n_rows(house) == [1, 0, 0]


def test_a_failure_is_told_by_its_name(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    webhooks.add(receiver.address, events=["failed"])
    fail(house, "a")
    finish(house, 1)
    with running(house):
        (job,) = jobs_in(receiver.wait_for(1))
        until(webhooks, lambda webhook: webhook.n_pending == 0)
    assert (job["status"], job["error"]) == ("failed", "ImageNotFound")
    assert b"says" not in receiver.received[0].body
    assert n_rows(house) == [1, 0, 0]


def test_only_what_was_asked_for_is_noted(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    finish(house, 1, collection="hats")
    webhooks.add(receiver.address, collection="hats", events=["done"])
    finish(house, 1)
    fail(house, "a")
    with transaction(house.engine) as connection:
        enqueue_query(connection, "hats", ImageRef.parse("https://example.org/query.jpg"))
    queries = house.claim(lane=Lane.INTERACTIVE)
    house.commit([embedded(job, random_features(1)[0]) for job in queries])
    assert n_rows(house) == [1, 0, 0]
    finish(house, 1, collection="hats", prefix="other")
    assert n_rows(house) == [1, 1, 0]


def test_a_commit_that_is_rolled_back_tells_nothing(
    house: Installation, webhooks: Webhooks
) -> None:
    webhooks.add("https://example.org")
    add(house, "a")
    with house.engine.connect() as connection:
        connection.execute(text("UPDATE lookalike.jobs SET status = 'failed'"))
        assert connection.scalar(text("SELECT count(*) FROM lookalike.webhook_ends")) == 1
        connection.rollback()
    assert n_rows(house) == [1, 0, 0]


def test_many_ends_go_in_few_deliveries(house: Installation, webhooks: Webhooks) -> None:
    webhooks.add("https://example.org", every_s=3600)
    finish(house, 450)
    finish(house, 3, collection="hats", prefix="hat")
    assert gather(house.engine) == 4
    assert [one.n_jobs for one in webhooks.deliveries()] == [200, 200, 50, 3]
    # From then on what ends is gathered once in an hour, or when it fills a delivery.
    finish(house, 150, prefix="later")
    assert gather(house.engine) == 0
    finish(house, 50, prefix="still later")
    assert gather(house.engine) == 1
    finish(house, 1, prefix="last")
    with transaction(house.engine) as connection:
        connection.execute(
            text("UPDATE lookalike.webhooks SET gathered_at = now() - interval '61 minutes'")
        )
    assert gather(house.engine) == 1


def test_a_delivery_that_fails_is_tried_again_with_the_same_bytes(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    receiver.statuses = [500, 302, 404]
    receiver.headers = {"Location": "/elsewhere"}
    made = webhooks.add(receiver.address)
    finish(house, 1)
    with running(house):
        came = receiver.wait_for(4)
        webhook = until(webhooks, lambda webhook: webhook.n_delivered == 1)
    assert len({(one.path, one.id, one.body) for one in came}) == 1
    for one in came:
        one.message(made.secret)
    assert (webhook.n_failures, webhook.error, webhook.n_pending) == (0, None, 0)


def test_what_waits_survives_a_restart(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    receiver.statuses = [500]
    webhooks.add(receiver.address)
    finish(house, 1)
    # It would be tried again in some seconds, by whoever is there then.
    with running(house, schedule=Schedule()):
        until(webhooks, lambda webhook: webhook.error == "HTTP 500")
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.webhooks SET held_until = now()"))
        connection.execute(text("UPDATE lookalike.webhook_deliveries SET next_at = now()"))
    with running(house):
        first, second = receiver.wait_for(2)
    assert first.id == second.id


def test_a_delivery_is_sent_again_after_its_sender_was_killed(
    house: Installation, module_database_url: str, receiver: Receiver, webhooks: Webhooks
) -> None:
    webhooks.add(f"{receiver.address}/slow")
    finish(house, 1)
    script = Path(__file__).with_name("courier_alone.py")
    sender = subprocess.Popen([sys.executable, str(script), module_database_url])
    try:
        receiver.wait_for(1)
    finally:
        sender.kill()
        sender.wait()
    receiver.release.set()
    assert n_rows(house) == [1, 0, 1]
    with running(house):
        first, second = receiver.wait_for(2)
        until(webhooks, lambda webhook: webhook.n_delivered == 1)
    assert (first.id, first.body) == (second.id, second.body)


def test_a_receiver_that_hangs_delays_no_job_and_no_other(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    webhooks.add(f"{receiver.address}/slow", every_s=0)
    webhooks.add(f"{receiver.address}/well", every_s=0)
    with running(house):
        finish(house, 1)
        receiver.wait_until(lambda came: {one.path for one in came} == {"/slow", "/well"})
        for i in range(3):
            finish(house, 1, prefix=f"meanwhile {i} ")
            receiver.wait_until(
                lambda came, i=i: sum(one.path == "/well" for one in came) == i + 2  # type: ignore[misc]
            )
        assert sum(one.path == "/slow" for one in receiver.received) == 1
        receiver.release.set()
        receiver.wait_until(lambda came: sum(one.path == "/slow" for one in came) == 4)


def test_couriers_side_by_side_send_each_delivery_once(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    webhooks.add(receiver.address)
    add(house, *map(str, range(4_100)))
    with transaction(house.engine) as connection:
        connection.execute(text("UPDATE lookalike.jobs SET status = 'failed'"))
    with running(house, n=3):
        until(webhooks, lambda webhook: webhook.n_delivered == 21)
    told = [job["job_id"] for job in jobs_in(receiver.received)]
    assert len(told) == len(set(told)) == 4_100
    assert len(receiver.received) == 21


def test_one_that_is_gone_is_told_nothing_more(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    receiver.statuses = [410]
    made = webhooks.add(receiver.address)
    finish(house, 1)
    with running(house):
        webhook = until(webhooks, lambda webhook: webhook.disabled_at is not None)
        finish(house, 1, prefix="unnoted")
        assert webhook.disabled_why == "it answered HTTP 410, Gone"
        assert n_rows(house) == [1, 0, 1]
        webhooks.enable(made.webhook.id)
        receiver.wait_for(2)
        until(webhooks, lambda webhook: webhook.n_delivered == 1)
    assert len(jobs_in(receiver.received)) == 2


def test_after_its_last_try_a_delivery_is_dead_until_somebody_retries_it(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    receiver.statuses = [503]
    made = webhooks.add(receiver.address)
    finish(house, 1)
    with running(house, schedule=ONE_TRY):
        webhook = until(webhooks, lambda webhook: webhook.n_dead == 1)
        # In all its time nothing else has arrived.
        assert webhook.disabled_at is not None
        (dead,) = webhooks.deliveries(dead_only=True)
        assert (dead.error, dead.attempts, dead.next_at) == ("HTTP 503", 1, None)
        assert webhooks.retry(made.webhook.id) == 1
        until(webhooks, lambda webhook: webhook.n_delivered == 1)
    assert len({one.id for one in receiver.received}) == 1


def test_a_private_host_is_asked_only_where_it_is_allowed(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    made = webhooks.add(receiver.address)
    finish(house, 1)
    with running(house, allow=""):
        webhook = until(webhooks, lambda webhook: webhook.n_failures > 0)
    assert str(webhook.error).startswith("ReferenceForbidden: found port")
    assert not webhooks.test(made.webhook.id).is_taken
    assert receiver.received == []
    assert webhooks.test(made.webhook.id, allow_hosts=["127.0.0.1"]).status == 200
    assert receiver.received[0].message(made.secret).type == "webhook.test"


def test_while_a_secret_changes_both_are_good(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    made = webhooks.add(receiver.address, every_s=0)
    new = webhooks.rotate(made.webhook.id)
    finish(house, 1)
    with running(house):
        (came,) = receiver.wait_for(1)
        assert came.message(made.secret) == came.message(new.secret)
        newest = webhooks.rotate(made.webhook.id, overlap_s=0)
        finish(house, 1, prefix="later")
        last = receiver.wait_for(2)[-1]
    last.message(newest.secret)
    with pytest.raises(Rejected):
        last.message(new.secret)


def test_removal_ends_it_at_once(
    house: Installation, receiver: Receiver, webhooks: Webhooks
) -> None:
    made = webhooks.add(receiver.address)
    finish(house, 1)
    gather(house.engine)
    finish(house, 1, prefix="later")
    assert n_rows(house) == [1, 1, 1]
    assert webhooks.remove(made.webhook.id).url == receiver.address
    finish(house, 1, prefix="last")
    assert n_rows(house) == [0, 0, 0]
    with pytest.raises(UnknownWebhook, match="webhook list"):
        webhooks.remove(made.webhook.id)


def test_an_erased_collection_takes_what_is_to_be_told_of_it_along(
    house: Installation, webhooks: Webhooks
) -> None:
    finish(house, 1, collection="hats")
    webhooks.add("https://example.org", collection="hats")
    of_all = webhooks.add("https://example.org")
    finish(house, 1, collection="hats", prefix="told")
    gather(house.engine)
    finish(house, 1, collection="hats", prefix="noted")
    assert n_rows(house) == [2, 2, 2]
    house.client.operator.erase_collection("hats")
    assert n_rows(house) == [1, 0, 0]
    assert [one.id for one in webhooks.all()] == [of_all.webhook.id]


def test_a_job_that_is_retried_and_done_is_told_twice(
    house: Installation, webhooks: Webhooks
) -> None:
    webhooks.add("https://example.org", every_s=0)
    fail(house, "a")
    gather(house.engine)
    house.client.operator.retry_failed(Selection())
    house.embed(random_features(1))
    gather(house.engine)
    with transaction(house.engine) as connection:
        bodies = connection.scalars(text("SELECT body FROM lookalike.webhook_deliveries")).all()
    assert [json.loads(body)["data"]["jobs"][0]["status"] for body in bodies] == ["failed", "done"]


def test_what_nobody_takes_is_forgotten_after_a_month(
    house: Installation, webhooks: Webhooks
) -> None:
    webhooks.add("https://example.org", every_s=0)
    finish(house, 1)
    gather(house.engine)
    with transaction(house.engine) as connection:
        forget(connection)
        assert connection.scalar(text("SELECT count(*) FROM lookalike.webhook_deliveries")) == 1
        connection.execute(
            text("UPDATE lookalike.webhook_deliveries SET created_at = now() - interval '31 days'")
        )
        forget(connection)
    assert n_rows(house) == [1, 0, 0]


def test_a_webhook_that_cannot_be_is_refused(webhooks: Webhooks) -> None:
    with pytest.raises(Rejected, match="URL"):
        webhooks.add("ftp://example.org")
    with pytest.raises(Rejected, match="done, failed or both"):
        webhooks.add("https://example.org", events=["queued"])
    with pytest.raises(Rejected, match="0 to 3600"):
        webhooks.add("https://example.org", every_s=-1)
    with pytest.raises(UnknownCollection):
        webhooks.add("https://example.org", collection="nowhere")


def test_relays_deliver_by_the_settings(
    house: Installation, module_database_url: str, receiver: Receiver, webhooks: Webhooks
) -> None:
    webhooks.add(receiver.address)
    finish(house, 1)
    settings = Settings.load(
        {"LOOKALIKE_DATABASE_URL": module_database_url, "LOOKALIKE_ALLOW_HOSTS": "127.0.0.1"}
    )
    with delivering(settings):
        receiver.wait_for(1)
        until(webhooks, lambda webhook: webhook.n_delivered == 1)
