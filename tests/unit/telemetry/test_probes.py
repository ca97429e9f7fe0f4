"""The small server beside a worker or a relay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from lookalike.errors import InvalidSetting
from lookalike.local.ports import free_port
from lookalike.telemetry.probes import Probes, ProbeServer, Readiness
from tests.probing import ask


@contextmanager
def served(readiness: Readiness) -> Iterator[str]:
    port = free_port()
    probes = Probes(lambda accept: ("text/plain", f"for {accept}".encode()), readiness.missing)
    with closing(ProbeServer(probes, host="127.0.0.1", port=port)):
        yield f"http://127.0.0.1:{port}"


def test_readiness_says_what_is_missing_until_nothing_is() -> None:
    readiness = Readiness("an encoder", "a relay")
    with served(readiness) as url:
        readiness.has("a relay")
        status, body = ask(f"{url}/readyz")
        assert (status, json.loads(body)) == (503, {"ready": False, "missing": ["an encoder"]})
        readiness.has("an encoder")
        status, body = ask(f"{url}/readyz?verbose")
        assert (status, json.loads(body)) == (200, {"ready": True, "missing": []})


def test_it_lives_before_it_is_ready() -> None:
    with served(Readiness("an encoder")) as url:
        assert ask(f"{url}/healthz")[0] == 200


def test_metrics_come_in_the_format_that_was_asked_for() -> None:
    with served(Readiness()) as url:
        assert ask(f"{url}/metrics") == (200, b"for anything")


def test_other_paths_tell_which_ones_there_are() -> None:
    with served(Readiness()) as url:
        status, body = ask(f"{url}/")
        assert status == 404
        assert b"/readyz" in body


def test_a_port_that_is_taken_is_a_setting_to_change() -> None:
    with served(Readiness()) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(InvalidSetting, match=r"LOOKALIKE_METRICS_PORT.*in use"):
            ProbeServer(Probes(lambda _: ("", b""), list), host="127.0.0.1", port=port)


def test_port_0_serves_nothing() -> None:
    ProbeServer(Probes(lambda _: ("", b""), list), host="no address", port=0).close()
