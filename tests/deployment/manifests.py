"""The manifests of `deploy/kubernetes`: read as they are, or rendered, and a container's environment in them."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from keystone.environment import env

Manifest = dict[str, Any]
FOLDER = env.BASE_DIR / "deploy" / "kubernetes"
OVERLAY = FOLDER / "overlays" / "production"
EXAMPLE = OVERLAY / "secrets.env.example"
WORKLOADS = ("Deployment", "Job")


class Manifests(list[Manifest]):
    """Objects of a cluster."""

    def of(self, *kinds: str) -> list[Manifest]:
        """Those of these kinds."""
        return [one for one in self if one["kind"] in kinds]

    def workload(self, component: str) -> Manifest:
        """The one Deployment or Job of `web`, `worker`, `scheduler` or `prestart`."""
        [found] = [one for one in self.of(*WORKLOADS) if pod_labels(one)["app.kubernetes.io/component"] == component]
        return found

    def values(self, kind: str, name: str) -> dict[str, str]:
        """What a ConfigMap or a Secret holds."""
        [found] = [one for one in self.of(kind) if one["metadata"]["name"] == name]
        data: dict[str, str] = found["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind == "Secret" else data

    def environment(self, container: Manifest) -> dict[str, str]:
        """The variables that a kubelet gives a container: those of ConfigMaps, then its own, which may name others."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.values("ConfigMap", source["configMapRef"]["name"])
        for variable in container.get("env", []):
            found[variable["name"]] = re.sub(r"\$\((\w+)\)", lambda name: found[name[1]], variable["value"])
        return found


def as_written() -> Manifests:
    """The base's files, and what the generators of base and overlay make beside them."""
    found = Manifests(
        one
        for path in sorted((FOLDER / "base").glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for one in yaml.safe_load_all(path.read_text())
    )
    config = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "keystone-config"}}
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "keystone-secrets"}}
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in generated(EXAMPLE).items()}
    values = generated(FOLDER / "base" / "config.env") | generated(OVERLAY / "config.env")
    found += [config | {"data": values}, secret | {"data": encoded}]
    return found


def generated(file: Path) -> dict[str, str]:
    """What kustomize's generators make of a file."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def renderer() -> list[str]:
    """The command that renders an overlay; none where it is not installed."""
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            return command
    return []


def rendered(folder: Path) -> Manifests:
    """The production overlay with the example's secrets, as `kubectl apply -k` would send it."""
    copy = shutil.copytree(FOLDER, folder / "kubernetes", ignore=shutil.ignore_patterns("secrets.env"))
    overlay = copy / OVERLAY.relative_to(FOLDER)
    shutil.copy(overlay / EXAMPLE.name, overlay / "secrets.env")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run([*renderer(), str(overlay)], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return Manifests(yaml.safe_load_all(done.stdout))


def pod_labels(workload: Manifest) -> dict[str, str]:
    """The labels of its pods."""
    labels: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return labels


def pod(workload: Manifest) -> Manifest:
    """The specification of its pods."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: Manifest) -> Iterator[Manifest]:
    """All its containers, those of the start included."""
    yield from pod(workload).get("initContainers", [])
    yield from pod(workload)["containers"]


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Whether a selector of labels takes these."""
    wanted: dict[str, str] = selector.get("matchLabels", {})
    expressions: list[Manifest] = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return wanted.items() <= labels.items() and all(labels.get(one["key"]) in one["values"] for one in expressions)
