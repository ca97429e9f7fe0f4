"""Schemathesis over the whole document, by its engine: no plugin slows the other tests' start."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished
from sqlalchemy import text

from lookalike.database import open_engine, transaction

_EVERY_S = 0.02
_FAIL_ALL = """
    UPDATE lookalike.jobs SET status = 'failed', error = 'ImageNotFound', attempts = 1,
        message = 'nothing is there', finished_at = now() WHERE status = 'queued'
"""


@schemathesis.serializer("application/x-ndjson")
def _as_lines(_ctx: Any, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def failures(
    app: FastAPI, secret: str, *, n_examples: int, is_random: bool = False
) -> tuple[list[str], int]:
    """What is not as the document says, and how many requests were checked."""
    config = SchemathesisConfig.from_dict(
        {
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {secret}"},
            "generation": {"max-examples": n_examples, "deterministic": not is_random},
            "phases": {"stateful": {"enabled": is_random}},
            "operations": [
                {
                    # Whatever is sent has lines, and a bad one costs itself alone.
                    "include-name": "POST /v1/images/bulk",
                    "checks": {"negative_data_rejection": {"enabled": False}},
                },
            ],
            "checks": {
                # What is well formed may still name what does not exist, is not let in, or
                # finds no room.
                "positive_data_acceptance": {
                    "expected-statuses": ["2xx", "400", "403", "404", "409", "422", "429"]
                },
            },
        }
    )
    with no_names():
        return _run(app, config)


def _run(app: FastAPI, config: SchemathesisConfig) -> tuple[list[str], int]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    found: dict[str, None] = {}
    n_requests = 0
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            found[f"{event.label}: {event.value!r}"] = None
        if isinstance(event, ScenarioFinished):
            n_requests += len(event.recorder.cases)
            for nodes in event.recorder.checks.values():
                for node in nodes:
                    if node.failure_info is not None:
                        failure = node.failure_info.failure
                        found[
                            f"{event.recorder.label}: {failure.title}: {failure.message}\n"
                            f"{node.failure_info.code_sample}"
                        ] = None
    return list(found), n_requests


@contextmanager
def no_names() -> Iterator[None]:
    """While it is open, no host has an address: no test of a webhook leaves this process."""
    nothing = socket.gaierror(socket.EAI_NONAME, "no names here")
    with patch.object(socket, "getaddrinfo", side_effect=nothing):
        yield


@contextmanager
def jobs_that_fail_at_once(database_url: str) -> Iterator[None]:
    """While it is open, no job stays queued, so nothing that waits for one waits long."""
    engine = open_engine(database_url)
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(_EVERY_S):
            with transaction(engine) as connection:
                if connection.execute(text(_FAIL_ALL)).rowcount:
                    connection.execute(text("NOTIFY lookalike_outcomes"))

    thread = threading.Thread(target=run, name="fails jobs")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        engine.dispose()
