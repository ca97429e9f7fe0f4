"""`lookalike webhook …`, as it is typed; and the receiver that the documentation shows."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.status.metrics import BacklogCollector
from lookalike.webhooks.gathering import gather
from lookalike.webhooks.signing import headers_of, read_secret
from tests.integration.installation import Installation
from tests.integration.webhooks.at_work import break_a_delivery, finish
from tests.integration.webhooks.receiver import Receiver

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


@pytest.fixture
def cli(module_database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", module_database_url)
    monkeypatch.setenv("LOOKALIKE_ALLOW_HOSTS", "127.0.0.1")
    return CliRunner()


def run(cli: CliRunner, *words: str, status: int = 0) -> str:
    result = cli.invoke(app, list(words))
    assert result.exit_code == status, result.output
    return result.stdout


def test_a_webhook_from_its_beginning_to_its_end(
    house: Installation, receiver: Receiver, cli: CliRunner
) -> None:
    secret = run(cli, "webhook", "add", receiver.address, "--event", "done").strip()
    (listed,) = map(json.loads, run(cli, "webhook", "list", "--json").splitlines())
    assert (listed["url"], listed["events"]) == (receiver.address, ["done"])
    assert "secret" not in listed
    assert "HTTP 200" in run(cli, "webhook", "test", str(listed["id"]))
    receiver.statuses = [403]
    assert "HTTP 403" in run(cli, "webhook", "test", str(listed["id"]), status=1)
    assert receiver.received[0].message(secret).type == "webhook.test"
    other = run(cli, "webhook", "rotate", str(listed["id"]), "--now").strip()
    assert other.startswith("whsec_")
    assert other != secret
    assert "is removed" in run(cli, "webhook", "remove", str(listed["id"]))
    assert "no webhook" in run(cli, "webhook", "list")


def test_what_failed_is_shown_everywhere_and_tried_again(
    house: Installation, cli: CliRunner
) -> None:
    run(cli, "webhook", "add", "https://example.org/a")
    assert "has been taken" in run(cli, "webhook", "deliveries")
    break_a_delivery(house)
    assert "nothing was taken in 1 try: HTTP 500" in run(cli, "webhook", "list")
    assert "1 dead, 1 disabled" in run(cli, "status")
    assert json.loads(run(cli, "status", "--json"))["webhooks"] == {
        "n_webhooks": 1,
        "n_disabled": 1,
        "n_ends": 0,
        "n_pending": 0,
        "n_dead": 1,
    }
    assert "HTTP 500" in run(cli, "webhook", "deliveries", "--dead")
    registry = CollectorRegistry()
    registry.register(BacklogCollector(house.engine, lease_s=60))
    told = registry.get_sample_value
    assert told("lookalike_webhook_deliveries", {"state": "dead"}) == 1
    assert told("lookalike_webhooks", {"state": "disabled"}) == 1
    (number,) = [str(one.id) for one in house.client.operator.webhooks.all()]
    assert "1 delivery is sent again" in run(cli, "webhook", "retry", number)
    assert "1 delivery waits for it" in run(cli, "webhook", "enable", number)


def test_ends_that_nobody_gathers_are_counted(house: Installation, cli: CliRunner) -> None:
    registry = CollectorRegistry()
    registry.register(BacklogCollector(house.engine, lease_s=60))
    run(cli, "webhook", "add", "https://example.org/a")
    finish(house, 1)
    assert "1 webhook, 1 end to be gathered, 0 deliveries pending" in run(cli, "status")
    assert registry.get_sample_value("lookalike_webhook_ends") == 1
    gather(house.engine)
    assert "1 webhook, 1 delivery pending" in run(cli, "status")
    assert registry.get_sample_value("lookalike_webhook_ends") == 0


def test_the_receiver_of_the_page_works() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
    secret = "whsec_" + "QUJD" * 8
    known: set[str] = set()
    done: list[tuple[int, str]] = []

    def seen(message_id: str) -> bool:
        is_known = message_id in known
        known.add(message_id)
        return is_known

    names: dict[str, Any] = {
        "SECRET": secret,
        "seen": seen,
        "later": lambda *job: done.append(job),
    }
    # Its annotations are read where they stand.
    exec(compile(example, str(PAGE), "exec", dont_inherit=True), names)
    body = b'{"type":"jobs.ended","data":{"jobs":[{"image_id":1,"status":"done"}]}}'
    signed = headers_of("msg_1", body, [read_secret(secret)], at_s=time.time())
    given = [body, body, body + b" "]
    assert asyncio.run(posted(names["app"], given, signed)) == [200, 200, 400]
    assert done == [(1, "done")]


async def posted(app: Any, bodies: list[bytes], headers: dict[str, str]) -> list[int]:
    """The statuses of the answers."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        answers = [
            await client.post("/lookalike", content=body, headers=headers) for body in bodies
        ]
    return [answer.status_code for answer in answers]
