"""Keys to the API: made and revoked by commands, asked for over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.callers.api_keys import Keys
from lookalike.cli.commands import app as commands
from lookalike.database import open_engine, transaction
from lookalike.errors import Rejected, Unauthenticated, UnknownApiKey
from lookalike.settings import Settings
from lookalike_api.app import create_app
from lookalike_api.entry import callers
from tests.serving import serving

IMAGE = {"reference": "https://images.example/1.jpg"}


@pytest.fixture
def keys(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    engine = open_engine(database_url)
    yield Keys(engine)
    engine.dispose()


@pytest.fixture
def http(database_url: str) -> Iterator[httpx.Client]:
    settings = Settings.load(
        {
            "LOOKALIKE_DATABASE_URL": database_url,
            "LOOKALIKE_CORS_ORIGINS": "https://shop.example",
        }
    )
    with serving(create_app(settings)) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(commands, ["key", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_a_secret_is_shown_once_and_stored_nowhere(keys: Keys, database_url: str) -> None:
    made = keys.create("mine", ["read", "write"])
    assert made.secret.startswith("lk_")
    assert len(made.secret) == 3 + 43  # 256 bits in base64
    assert made.secret not in repr(made)
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        stored = str(connection.execute(text("SELECT * FROM lookalike.api_keys")).one())
    engine.dispose()
    assert made.secret[:9] in stored
    assert made.secret[9:] not in stored


def test_a_key_is_known_by_its_secret_and_its_use_is_noted(keys: Keys) -> None:
    made = keys.create("mine", ["write", "read"])
    key = keys.verify(made.secret)
    assert (key.id, key.scopes, key.last_used_at) == (made.key.id, ("read", "write"), None)
    (noted,) = keys.all()
    assert noted.last_used_at is not None
    keys.verify(made.secret)
    assert keys.all() == [noted]


def test_noting_a_use_waits_for_nobody(keys: Keys, database_url: str) -> None:
    made = keys.create("mine")
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        connection.execute(text("SELECT * FROM lookalike.api_keys FOR UPDATE"))
        assert keys.verify(made.secret).id == made.key.id
    engine.dispose()
    assert keys.all()[0].last_used_at is None


def test_why_a_key_is_refused_is_told(keys: Keys) -> None:
    revoked, expired = keys.create("a"), keys.create("b", expires_in_s=0)
    assert keys.revoke(revoked.key.id) == keys.revoke(revoked.key.id)
    for secret, why in [
        (revoked.secret, "was revoked on"),
        (expired.secret, "expired on"),
        ("lk_unknown", "lk_unknow… is not known"),
        ("hunter2", "that was given is not known"),
    ]:
        with pytest.raises(Unauthenticated, match=f"{why}.*lookalike key create"):
            keys.verify(secret)
    with pytest.raises(UnknownApiKey, match="key list"):
        keys.revoke(999)


@pytest.mark.parametrize(("name", "scopes"), [("", ["read"]), ("x", []), ("x", ["all"])])
def test_a_key_that_cannot_be_is_refused(keys: Keys, name: str, scopes: list[str]) -> None:
    with pytest.raises(Rejected):
        keys.create(name, scopes)


@pytest.mark.usefixtures("keys")
def test_commands_make_list_and_revoke_keys(http: httpx.Client) -> None:
    secret, beside = run("create", "[ci]", "--scope", "read", "--scope", "admin", "--expires", "9d")
    assert "Key 1 of [ci] for read, admin" in beside
    assert http.get("/v1/status", headers=bearer(secret.strip())).status_code == 200
    shown, _ = run("list")
    assert secret[:9] in shown
    assert secret.strip() not in shown
    run("revoke", "1")
    (listed,) = [json.loads(line) for line in run("list", "--json")[0].splitlines()]
    assert (listed["name"], listed["scopes"]) == ("[ci]", ["read", "admin"])
    assert listed["revoked_at"] is not None


def test_without_a_key_nothing_but_the_probes_answers(http: httpx.Client) -> None:
    for path in ("/v1/status", "/status", "/metrics", "/v1/jobs/1"):
        answer = http.get(path)
        assert (answer.status_code, answer.json()["title"]) == (401, "Unauthenticated"), path
        assert answer.headers["www-authenticate"] == 'Bearer realm="lookalike"'
        assert "lookalike key create" in answer.json()["detail"]
    for path in ("/v1/healthz", "/v1/readyz", "/openapi.json"):
        assert http.get(path).status_code == 200


def test_who_has_no_key_is_refused_before_a_body_is_looked_at(http: httpx.Client) -> None:
    answer = http.post("/v1/images", content=b"x" * 3_000_000)
    assert answer.status_code == 401


def test_a_key_opens_what_its_scopes_say(http: httpx.Client, keys: Keys) -> None:
    read = bearer(keys.create("r", ["read"]).secret)
    write = bearer(keys.create("w", ["write"]).secret)
    assert http.get("/v1/status", headers=read).status_code == 200
    assert http.get("/metrics", headers=read).status_code == 200
    assert http.post("/v1/images", json=IMAGE, headers=write).status_code == 202
    for answer, scope in [
        (http.post("/v1/images", json=IMAGE, headers=read), "write"),
        (http.get("/v1/status", headers=write), "read"),
    ]:
        assert (answer.status_code, answer.json()["title"]) == (403, "ScopeMissing")
        assert f'scope="{scope}"' in answer.headers["www-authenticate"]
        assert f"--scope {scope}" in answer.json()["detail"]


def test_a_revoked_key_stops(
    http: httpx.Client, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keys.create("mine")
    assert http.get("/v1/status", headers=bearer(made.secret)).status_code == 200
    keys.revoke(made.key.id)
    assert http.get("/v1/status", headers=bearer(made.secret)).status_code == 200
    monkeypatch.setattr(callers, "VERIFIED_S", 0)
    answer = http.get("/v1/status", headers=bearer(made.secret))
    assert (answer.status_code, "was revoked" in answer.text) == (401, True)


def test_who_tries_keys_is_told_to_wait(http: httpx.Client) -> None:
    answers = [http.get("/v1/status", headers=bearer(f"lk_{n}")) for n in range(21)]
    assert [one.status_code for one in answers] == [401] * 20 + [429]
    assert answers[-1].json()["title"] == "TooManyRequests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_every_answer_tells_browsers_what_it_is_not(http: httpx.Client) -> None:
    for answer in (http.get("/v1/healthz"), http.get("/v1/status"), http.get("/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_pages_of_listed_sites_may_ask_and_no_others(http: httpx.Client, keys: Keys) -> None:
    write = bearer(keys.create("w", ["write"]).secret)
    statuses = {}
    for origin in ("https://shop.example", "https://evil.example"):
        headers = {"origin": origin, "sec-fetch-site": "cross-site"}
        asked = {**headers, "access-control-request-method": "POST"}
        preflight = http.options("/v1/images", headers=asked)
        answer = http.post("/v1/images", json=IMAGE, headers={**headers, **write})
        allowed = answer.headers.get("access-control-allow-origin")
        statuses[origin] = (preflight.status_code, answer.status_code, allowed)
    assert statuses == {
        "https://shop.example": (200, 202, "https://shop.example"),
        "https://evil.example": (400, 403, None),
    }


def test_without_keys_a_foreign_name_for_this_machine_is_refused(database_url: str) -> None:
    settings = {"LOOKALIKE_DATABASE_URL": database_url, "LOOKALIKE_API_KEYS": "off"}
    with serving(create_app(Settings.load(settings))) as http:
        hosts = {"localhost:8000": 200, "[::1]": 200, "evil.example:8000": 403, "[::1": 403}
        for host, status in hosts.items():
            answer = http.get("/v1/status", headers={"host": host})
            assert answer.status_code == status, host
        assert "access-control-allow-origin" not in http.get("/v1/status").headers
