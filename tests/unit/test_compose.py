"""docker-compose.yml and the Dockerfiles, as far as they can be judged without Docker."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lookalike.cli.commands import app
from lookalike.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILES = [ROOT / "api/Dockerfile", ROOT / "worker/Dockerfile"]
COMMANDS = {command.callback.__name__ for command in app.registered_commands if command.callback}


def steps(dockerfile: Path) -> list[str]:
    """The instructions of a Dockerfile, with comments gone and continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", "").splitlines() if line]


def stage(service: dict[str, Any]) -> list[str]:
    """The instructions of the stage that a service builds, and of those it stands on."""
    build = service["build"]
    stages = re.split(r"^(?=FROM )", "\n".join(steps(ROOT / build["dockerfile"])), flags=re.M)[1:]
    names = {text.split("\n")[0].split(" AS ")[-1]: text for text in stages}
    wanted = names[build["target"]] if "target" in build else stages[-1]
    parent = names.get(wanted.split()[1], "")
    return (parent + wanted).splitlines()


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "data/compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_all_parts_are_there_and_only_the_gpu_worker_waits_for_its_profile() -> None:
    parts = {"postgres", "valkey", "migrate", "relay", "upkeep", "worker", "worker-gpu", "api"}
    assert SERVICES.keys() == parts
    profiles = {name: service.get("profiles") for name, service in SERVICES.items()}
    assert {name for name, given in profiles.items() if given} == {"worker-gpu"}


@pytest.mark.parametrize("name", ["relay", "upkeep", "worker", "worker-gpu", "api"])
def test_a_part_starts_when_its_servers_are_healthy_and_the_schema_is_there(name: str) -> None:
    assert SERVICES[name]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "valkey": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


def test_what_is_waited_for_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            else:
                assert SERVICES[name]["restart"] == "no"


def test_all_but_the_migration_are_restarted_and_have_time_to_stop() -> None:
    for name, service in SERVICES.items():
        if name != "migrate":
            assert service["restart"] == "unless-stopped"
            assert "stop_grace_period" in service


def test_all_that_stay_up_have_a_health_check() -> None:
    without = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert without == {"migrate"}


@pytest.mark.parametrize("name", OURS)
def test_commands_are_commands_of_the_cli(name: str) -> None:
    check = " ".join(OURS[name].get("healthcheck", {}).get("test", []))
    assert OURS[name]["command"][0] in COMMANDS
    assert set(re.findall(r"lookalike (\w+)", check)) <= COMMANDS
    assert 'ENTRYPOINT ["lookalike"]' in stage(OURS[name])


def test_variables_are_options_of_lookalike() -> None:
    given = [name for s in SERVICES.values() for name in s.get("environment", {})]
    written = re.findall(rf"\b{PREFIX}\w+", "".join(p.read_text() for p in DOCKERFILES))
    ours = {name for name in (*given, *written) if name.startswith(PREFIX)}
    assert ours
    assert {name.removeprefix(PREFIX).lower() for name in ours} <= Settings.model_fields.keys()


def test_passwords_are_required_and_never_written_down() -> None:
    passwords = re.findall(r"\$\{(\w*PASSWORD\w*)(.*?)\}", TEXT)
    assert {name for name, _ in passwords} == {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in passwords)
    assert not re.search(r"(?i)(password|_auth): +(?!\$\{)\S", TEXT)
    assert not re.search(r"://[^/\s]*:(?!\$\{)[^@/\s]+@", TEXT)


def test_ports_are_open_to_this_machine_alone_by_default() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in ports)


def test_volumes_are_named_and_each_is_used() -> None:
    used = {volume.split(":")[0] for s in SERVICES.values() for volume in s.get("volumes", [])}
    assert used == COMPOSE["volumes"].keys()


def test_a_worker_keeps_its_encoder_in_a_volume() -> None:
    for name in ("worker", "worker-gpu"):
        home = re.findall(r"LOOKALIKE_HOME=(\S+)", "\n".join(stage(SERVICES[name])))
        assert SERVICES[name]["volumes"] == [f"encoders:{home[0]}"]


def test_upkeep_has_what_maps_are_made_with() -> None:
    dockerfile = (ROOT / SERVICES["upkeep"]["build"]["dockerfile"]).read_text()
    (extras,) = re.findall(r'^ARG EXTRAS="(.+)"$', dockerfile, flags=re.MULTILINE)
    assert "map" in extras.split()


@pytest.mark.parametrize("name", OURS)
def test_images_run_without_root(name: str) -> None:
    lines = stage(OURS[name])
    assert "USER lookalike" in lines
    assert any("useradd" in line and "--uid 10001" in line for line in lines)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_everything_that_is_copied_exists_and_reaches_the_builder(dockerfile: Path) -> None:
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for step in steps(dockerfile):
        if step.startswith("COPY ") and "--from" not in step:
            for source in step.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert any(fnmatch(source, pattern) for pattern in allowed), source


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_everything_that_is_installed_is_verified_by_its_hash(dockerfile: Path) -> None:
    for command in re.findall(r"pip install[^&\n]*", "\n".join(steps(dockerfile))):
        assert "--require-hashes" in command or command.strip().endswith("--no-build-isolation .")


def test_the_two_images_are_built_alike() -> None:
    api, worker = (re.split(r"^FROM ", p.read_text(), flags=re.M)[1] for p in DOCKERFILES)
    assert api.replace('EXTRAS="api map"', 'EXTRAS="worker openvino"') == worker
