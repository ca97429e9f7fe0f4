"""Which endpoint asks for what, and where the API may listen without asking."""

from __future__ import annotations

import pytest

from lookalike.errors import InvalidSetting
from lookalike.settings import Settings
from lookalike_api.app import create_app
from lookalike_api.entry import check_openness

NOWHERE = {"LOOKALIKE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

# Probes of orchestrators have no key, and learn nothing that one needs a key for.
OPEN = {"/v1/healthz", "/v1/readyz"}


def test_every_endpoint_but_the_probes_names_one_scope() -> None:
    paths = create_app(Settings.load(NOWHERE)).openapi()["paths"]
    asked = {
        (method, path): operation.get("security", [])
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert {path for (_, path), security in asked.items() if not security} == OPEN
    for (method, path), security in asked.items():
        if security:
            ((scope,),) = (one["API key"] for one in security)
            # Addresses of receivers often hold secrets of theirs.
            is_guarded = path.startswith("/v1/webhooks")
            is_read = (method == "get" and not is_guarded) or path == "/v1/search"
            assert (scope == "read") == is_read, (method, path, scope)


def test_the_key_is_described_as_a_bearer_token() -> None:
    description = create_app(Settings.load(NOWHERE)).openapi()
    scheme = description["components"]["securitySchemes"]["API key"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_on_loopback_the_api_may_ask_for_no_key(host: str) -> None:
    check_openness(Settings.load({"LOOKALIKE_API_HOST": host, "LOOKALIKE_API_KEYS": "off"}))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_elsewhere_it_has_to_be_said_that_everyone_may_enter(host: str) -> None:
    there = {"LOOKALIKE_API_HOST": host}
    with pytest.raises(InvalidSetting, match="off-for-everyone"):
        check_openness(Settings.load({**there, "LOOKALIKE_API_KEYS": "off"}))
    check_openness(Settings.load({**there, "LOOKALIKE_API_KEYS": "off-for-everyone"}))
    check_openness(Settings.load(there))
