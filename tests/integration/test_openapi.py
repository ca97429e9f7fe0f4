"""The API does what its OpenAPI document says, whatever is sent: Schemathesis finds no failure."""

from __future__ import annotations

import pytest

from lookalike.settings import Settings
from lookalike_api.app import create_app

pytest.importorskip("schemathesis", reason="Schemathesis is not installed: see the group dev")

from tests.integration.openapi_run import failures, jobs_that_fail_at_once


def test_schemathesis_finds_no_failure(database_url: str) -> None:
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": database_url})
    with jobs_that_fail_at_once(database_url):
        found, n_requests = failures(create_app(settings), n_examples=2)
    assert found == []
    assert n_requests > 500
