"""The API does what its OpenAPI document says, whatever is sent: Schemathesis finds no failure."""

from __future__ import annotations

import pytest

from lookalike.callers.api_keys import SCOPES, Keys
from lookalike.database import open_engine
from lookalike.settings import Settings
from lookalike_api.app import create_app

pytest.importorskip("schemathesis", reason="Schemathesis is not installed: see the group dev")

from tests.integration.openapi_run import failures, jobs_that_fail_at_once


def test_schemathesis_finds_no_failure(database_url: str) -> None:
    engine = open_engine(database_url)
    secret = Keys(engine).create("schemathesis", SCOPES).secret
    engine.dispose()
    given = {"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_RATE": "none"}
    with jobs_that_fail_at_once(database_url):
        found, n_requests = failures(create_app(Settings.load(given)), secret, n_examples=2)
    assert found == []
    assert n_requests > 500
