"""deploy/: the manifests, as far as they can be judged without a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lookalike.cli.commands import app
from lookalike.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "deploy/kubernetes", ROOT / "deploy/keda"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
COMMANDS = {command.callback.__name__ for command in app.registered_commands if command.callback}


def manifests(folder: Path) -> list[dict[str, Any]]:
    """What `kubectl apply -k` sends of a folder, before kustomize adds to it."""
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [one for name in names for one in yaml.safe_load_all((folder / name).read_text())]


ALL = [one for folder in FOLDERS for one in manifests(folder)]
PODS = {
    one["metadata"]["name"]: (
        one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one["spec"]
    )["template"]["spec"]
    for one in ALL
    if one["kind"] in ("CronJob", "Deployment", "Job")
}
PARTS = [name for name in PODS if name not in ("migrate", "upkeep")]


def only(kind: str) -> dict[str, Any]:
    (found,) = (one for one in ALL if one["kind"] == kind)
    return found


def container(name: str) -> dict[str, Any]:
    (found,) = PODS[name]["containers"]
    return dict(found)


def variables(name: str) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(name).get("env", [])}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_is_applied(folder: Path) -> None:
    names = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in folder.iterdir()} == {*names, "kustomization.yaml"}


def test_the_autoscaler_is_what_keda_documents() -> None:
    schema = json.loads((Path(__file__).parent / "data/scaledobject.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(only("ScaledObject"))


@pytest.mark.parametrize("name", PODS)
def test_images_and_commands_are_those_of_the_compose_file(name: str) -> None:
    service = COMPOSE["services"][name]
    assert container(name)["image"] == service["image"]
    # The compose file's upkeep comes back by itself, where a cluster's is sent again and again.
    assert container(name)["args"] == service["command"][:1]
    assert set(container(name)["args"]) <= COMMANDS


@pytest.mark.parametrize("name", PODS)
def test_variables_are_options_of_lookalike_and_text(name: str) -> None:
    options = {key.removeprefix(PREFIX).lower(): value for key, value in variables(name).items()}
    assert options.keys() <= Settings.model_fields.keys()
    assert all(isinstance(value, str) for value in options.values())
    Settings.load(variables(name))


@pytest.mark.parametrize("name", PODS)
def test_passwords_come_from_the_secret_alone(name: str) -> None:
    assert container(name)["envFrom"] == [{"secretRef": {"name": "lookalike"}}]
    assert not [key for key in variables(name) if key.endswith("_URL")]


@pytest.mark.parametrize("name", PARTS)
def test_probes_ask_the_port_that_the_part_is_told_to_serve(name: str) -> None:
    (port,) = container(name)["ports"]
    option = "LOOKALIKE_API_PORT" if name == "api" else "LOOKALIKE_METRICS_PORT"
    assert variables(name)[option] == str(port["containerPort"])
    probes = {key: probe for key, probe in container(name).items() if key.endswith("Probe")}
    assert {probe["httpGet"]["port"] for probe in probes.values()} == {port["name"]}
    assert probes["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert probes["livenessProbe"]["httpGet"]["path"] == "/healthz"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_has_longer_to_stop_than_it_takes(name: str) -> None:
    options = {key: value for key, value in variables(name).items() if "METRICS" not in key}
    settings = Settings.load(options)
    assert PODS[name]["terminationGracePeriodSeconds"] > settings.shutdown_s
    assert PODS[name]["terminationGracePeriodSeconds"] > settings.query_timeout_s


@pytest.mark.parametrize("name", PODS)
def test_nothing_runs_as_root_or_writes_into_its_image(name: str) -> None:
    assert (
        PODS[name]["securityContext"].items() >= {"runAsNonRoot": True, "runAsUser": 10001}.items()
    )
    assert container(name)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"] for mount in container(name)["volumeMounts"]}
    assert mounted == {volume["name"] for volume in PODS[name]["volumes"]}


@pytest.mark.parametrize("name", PODS)
def test_resources_are_requested(name: str) -> None:
    assert container(name)["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container(name)["resources"]["limits"]


def test_upkeep_comes_again_and_never_twice_at_once() -> None:
    spec = only("CronJob")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_deployments_select_their_own_pods() -> None:
    for one in ALL:
        if one["kind"] == "Deployment":
            labels = one["spec"]["template"]["metadata"]["labels"]
            assert one["spec"]["selector"]["matchLabels"] == labels
    assert only("Service")["spec"]["selector"]["app.kubernetes.io/component"] == "api"


def test_the_worker_uses_the_cores_that_it_requests() -> None:
    requested = container("worker")["resources"]["requests"]["cpu"]
    assert variables("worker")["LOOKALIKE_THREADS"] == requested


def test_only_the_autoscaler_says_how_many_workers_there_are() -> None:
    deployments = {one["metadata"]["name"]: one for one in ALL if one["kind"] == "Deployment"}
    assert only("ScaledObject")["spec"]["scaleTargetRef"] == {"name": "worker"}
    assert "replicas" not in deployments["worker"]["spec"]


def test_the_backlog_in_postgres_wakes_an_empty_cluster() -> None:
    spec = only("ScaledObject")["spec"]
    (trigger,) = spec["triggers"]
    assert spec["minReplicaCount"] == 0
    assert trigger["type"] == "postgresql"
    assert trigger["metadata"]["query"] == "SELECT lookalike.backlog()"
    assert trigger["metadata"]["activationTargetQueryValue"] == "0"
    # KEDA refuses numbers here.
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    authentication = only("TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert authentication["spec"]["secretTargetRef"] == [
        {"parameter": "connection", "name": "lookalike", "key": "LOOKALIKE_DATABASE_URL"}
    ]


def test_a_worker_that_loads_its_encoder_is_waited_for() -> None:
    spec = only("ScaledObject")["spec"]
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour["scaleUp"]["policies"][0]["periodSeconds"] > 60
    assert behaviour["scaleDown"]["stabilizationWindowSeconds"] > 60
    assert spec["cooldownPeriod"] > 60
    startup = container("worker")["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 600


def test_all_workers_together_fit_the_connections_that_the_manifest_names() -> None:
    settings = Settings.load({})
    # As the worker's composition root sizes its pool, with as much overflow.
    of_one = 2 * (settings.n_slots + settings.fetch_threads + 2)
    assert of_one == 36
    assert only("ScaledObject")["spec"]["maxReplicaCount"] * of_one < 400
