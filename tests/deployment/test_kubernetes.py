"""The Kubernetes manifests fit the schemas, each other and the settings: the base's files, and the overlay rendered."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.urls import resolve

from keystone.environment import env
from keystone.environment.files import IN_FILE
from keystone.environment.variable_finder import readings
from keystone.server.running import ENDING_SECONDS
from tests.deployment import manifests
from tests.deployment.manifests import WORKLOADS, Manifest, Manifests, containers, pod, pod_labels, selects

VERSIONS = ("1.30", kubernetes_validate.latest_version())  # the oldest that has all fields, and the newest known
COMPONENTS = ("web", "worker", "scheduler", "prestart")
SECRETS = "/run/secrets/keystone"
PROBED = "keystone-web"  # the host that probes ask for
KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.fixture(scope="module", params=["base", "production"])
def objects(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The base as it is written, and the production overlay as it is rendered."""
    if request.param == "base":
        return manifests.as_written()
    if not manifests.renderer():
        pytest.skip("neither kustomize nor kubectl is installed, so the overlay cannot be rendered")
    return manifests.rendered(tmp_path_factory.mktemp("kubernetes"))


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The production overlay, rendered."""
    if not manifests.renderer():
        pytest.skip("neither kustomize nor kubectl is installed, so the overlay cannot be rendered")
    return manifests.rendered(tmp_path_factory.mktemp("production"))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_its_schema(objects: Manifests, version: str) -> None:
    for one in objects:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_four_roles_are_there(objects: Manifests) -> None:
    roles = {pod_labels(one)["app.kubernetes.io/component"]: pod(one)["containers"] for one in objects.of(*WORKLOADS)}
    assert {name: [container["args"] for container in found] for name, found in roles.items()} == {
        name: [[name]] for name in COMPONENTS
    }


def test_an_image_is_named_exactly(objects: Manifests) -> None:
    for workload in objects.of(*WORKLOADS):
        for container in containers(workload):
            name, _, version = container["image"].rpartition("@" if "@" in container["image"] else ":")
            assert name
            assert "/" not in version
            assert version != "latest"


def test_pods_keep_to_the_restricted_standard(objects: Manifests) -> None:
    for workload in objects.of(*WORKLOADS):
        spec = pod(workload)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert not spec["enableServiceLinks"]  # else a Service `redis` sets REDIS_PORT=tcp://…
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
        assert all(volume.keys() & {"emptyDir", "secret"} for volume in spec["volumes"])
        for container in containers(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_container_says_what_it_needs(objects: Manifests) -> None:
    for workload in objects.of(*WORKLOADS):
        for container in containers(workload):
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert container["resources"]["limits"].keys() == {"memory"}


def test_a_roll_out_takes_no_pod_away_before_its_successor_is_ready(objects: Manifests) -> None:
    for deployment in objects.of("Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        [container] = pod(deployment)["containers"]
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
        leaving = container.get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})["preStop"]["sleep"]["seconds"]
        assert pod(deployment)["terminationGracePeriodSeconds"] > leaving + ENDING_SECONDS


def test_probes_ask_what_is_there(objects: Manifests) -> None:
    [web] = pod(objects.workload("web"))["containers"]
    names = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = web[probe]["httpGet"]
        assert asked["port"] in {port["name"] for port in web["ports"]}
        assert asked["httpHeaders"] == [{"name": "Host", "value": PROBED}]
        names[probe] = resolve(asked["path"]).url_name
    assert names == {"startupProbe": "health-live", "livenessProbe": "health-live", "readinessProbe": "health-ready"}


@pytest.mark.parametrize("role", ["worker", "scheduler"])
@pytest.mark.parametrize(
    ("age", "ready", "alive"), [(None, False, True), (0, True, True), (60, False, True), (1000, False, False)]
)
def test_probes_judge_the_age_of_the_health_file(
    objects: Manifests, tmp_path: Path, role: str, age: int | None, ready: bool, alive: bool
) -> None:
    if age is not None:
        file = tmp_path / f"{role}.ready"
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    [container] = pod(objects.workload(role))["containers"]

    def holds(probe: str) -> bool:
        command = [word.replace("/tmp/", f"{tmp_path}/") for word in container[probe]["exec"]["command"]]  # noqa: S108 - the pod's
        return subprocess.run(command, stderr=subprocess.DEVNULL, timeout=10).returncode == 0

    assert (holds("readinessProbe"), holds("livenessProbe")) == (ready, alive)


def test_what_is_referred_to_exists(objects: Manifests) -> None:
    names = {(one["kind"], one["metadata"]["name"]) for one in objects}
    for workload in objects.of(*WORKLOADS):
        assert ("ServiceAccount", pod(workload)["serviceAccountName"]) in names
        secrets = [volume["secret"]["secretName"] for volume in pod(workload)["volumes"] if "secret" in volume]
        assert [("Secret", secret) in names for secret in secrets] == [True]
    for scaler in objects.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) in names
        assert "replicas" not in objects.workload("web")["spec"]  # else each release sets the number back
    for ingress in objects.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            assert rule["host"] in ingress["spec"]["tls"][0]["hosts"]
            services = [path["backend"]["service"] for path in rule["http"]["paths"]]
            assert [(("Service", service["name"]) in names, service["port"]) for service in services] == [
                (True, {"name": "http"})
            ]


def test_selectors_take_the_pods_that_they_are_meant_for(objects: Manifests) -> None:
    pods = [pod_labels(workload) for workload in objects.of(*WORKLOADS)]

    def taken(selector: Manifest) -> list[str]:
        return sorted(labels["app.kubernetes.io/component"] for labels in pods if selects(selector, labels))

    for deployment in objects.of("Deployment"):
        component = pod_labels(deployment)["app.kubernetes.io/component"]
        assert taken(deployment["spec"]["selector"]) == [component]
        spread = pod(deployment)["topologySpreadConstraints"]
        assert [taken(one["labelSelector"]) for one in spread] == [[component]] * 2
    for service in objects.of("Service"):
        assert taken({"matchLabels": service["spec"]["selector"]}) == ["web"]
        [port] = service["spec"]["ports"]
        [container] = pod(objects.workload("web"))["containers"]
        assert port["targetPort"] in {one["name"] for one in container["ports"]}
    budgets = [taken(budget["spec"]["selector"]) for budget in objects.of("PodDisruptionBudget")]
    assert sorted(budgets) == [["scheduler"], ["web"], ["worker"]]
    policies = {one["metadata"]["name"]: taken(one["spec"]["podSelector"]) for one in objects.of("NetworkPolicy")}
    everyone = sorted(COMPONENTS)
    assert policies == {
        "keystone-deny": everyone,
        "keystone-names": everyone,
        "keystone-data": everyone,
        "keystone-outside": ["scheduler", "web", "worker"],
        "keystone-web": ["web"],
    }


def test_traffic_goes_to_named_places_only(objects: Manifests) -> None:
    for policy in objects.of("NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule["to"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
        for rule in policy["spec"].get("ingress", []):
            # A whole namespace would let any of its pods choose an X-Forwarded-For.
            assert all({"namespaceSelector", "podSelector"} <= peer.keys() for peer in rule["from"])


def test_production_reaches_its_database_at_one_place(production: Manifests) -> None:
    [data] = [one for one in production.of("NetworkPolicy") if one["metadata"]["name"] == "keystone-data"]
    assert data["spec"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}], "ports": [{"port": 5432}, {"port": 6432}, {"port": 6379}]}
    ]


def test_every_variable_is_one_that_the_settings_read(objects: Manifests) -> None:
    known = {reading.name for reading in readings()}
    for workload in objects.of(*WORKLOADS):
        [secret] = [volume["secret"] for volume in pod(workload)["volumes"] if "secret" in volume]
        held = objects.values("Secret", secret["secretName"])
        for container in containers(workload):
            variables = objects.environment(container)
            assert {name.removesuffix(IN_FILE) for name in variables} <= known
            files = {Path(value) for name, value in variables.items() if name.endswith(IN_FILE)}
            assert {str(file.parent) for file in files} == {SECRETS}
            assert {file.name for file in files} <= held.keys()
            mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounts == {"tmp": "/tmp", "secrets": SECRETS}  # noqa: S108 - the pod's


def test_migrations_go_past_the_pooler(production: Manifests) -> None:
    def variables(component: str) -> dict[str, str]:
        [container] = pod(production.workload(component))["containers"]
        return production.environment(container)

    secrets = production.values("Secret", pod(production.workload("web"))["volumes"][1]["secret"]["secretName"])
    found = {}
    for component in COMPONENTS:
        given = variables(component)
        address = secrets[Path(given["DATABASE_URL_FILE"]).name]
        found[component] = (urlsplit(address).port, given["DATABASE_POOLER"])
    assert found == dict.fromkeys(COMPONENTS, (6432, "transaction")) | {"prestart": (5432, "")}


def test_the_address_is_the_same_everywhere(production: Manifests) -> None:
    [container] = pod(production.workload("worker"))["containers"]
    variables = production.environment(container)
    host = urlsplit(variables["PUBLIC_URL"]).hostname
    assert variables["ALLOWED_HOSTS"] == host
    [ingress] = production.of("Ingress")
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == [host]


def run_as_web(folder: Path, code: str, **secrets: str) -> "subprocess.CompletedProcess[str]":
    """Run code with the environment of a web pod, whose secrets lie in a folder, some of them changed."""
    objects = manifests.as_written()
    [container] = pod(objects.workload("web"))["containers"]
    for name, value in (objects.values("Secret", "keystone-secrets") | secrets).items():
        (folder / name).write_text(value)
    given = {name: value.replace(SECRETS, str(folder)) for name, value in objects.environment(container).items()}
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.production", "DATA_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"],
        env=kept | settings | given,
        cwd=env.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_the_examples_secrets_are_refused(tmp_path: Path) -> None:
    done = run_as_web(tmp_path, "")
    assert done.returncode == 1
    known = re.compile(r"^(?:[\w.]+: )?(\w+|The database's password) is .* that everybody knows", re.MULTILINE)
    assert sorted(known.findall(done.stderr)) == [
        "METRICS_TOKEN",
        "REDIS_PASSWORD",
        "SECRET_KEY",
        "SMTP_PASSWORD",
        "The database's password",
    ]


@pytest.mark.slow
def test_probes_are_answered_and_other_names_are_not(tmp_path: Path) -> None:
    asked = {PROBED: 200, "keystone.example.com": 200, "10.1.2.3:8000": 400}
    code = f"""
from django.test import Client
client = Client()
print({{host: client.get("/api/health/live/", headers={{"host": host}}).status_code for host in {list(asked)}}})
"""
    passwords = {"REDIS_PASSWORD": "r3dis", "SMTP_PASSWORD": "sm7p", "METRICS_TOKEN": KEY, "SECRET_KEY": KEY}
    done = run_as_web(tmp_path, code, DATABASE_URL="postgresql://keystone:d4tabase@127.0.0.1:1/keystone", **passwords)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(asked)
