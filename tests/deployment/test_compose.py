"""The compose files: they are valid, name what the settings read, and give each process of the product the same."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keystone.environment import env
from keystone.environment.variable_finder import environment as settings_variables
from keystone.settings.safety import KNOWN_PASSWORDS
from tests.deployment.compose import (
    DEVELOPMENT,
    ENTRYPOINT,
    OURS,
    PRODUCTION,
    RESET,
    Override,
    environment,
    of_the_image,
    read,
    value,
    without_tags,
)

FILES = [DEVELOPMENT, PRODUCTION]
IMAGE_ONLY = {"WEB_WORKERS"}  # what one of the services may have alone


def services(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(path)["services"]
    return {name: service for name, service in found.items() if value(service) is not RESET}


def stem(name: str) -> str:
    return name.removesuffix("_FILE")


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_fits_the_schema_of_the_compose_specification(path: Path, tmp_path: Path) -> None:
    plain = tmp_path / "compose.yaml"
    plain.write_text(without_tags(path))
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(plain)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_services_are_those_of_the_requirements() -> None:
    assert set(services(DEVELOPMENT)) == {"postgres", "redis", "mailpit", *OURS}
    assert set(services(PRODUCTION)) == {"proxy", "postgres", "redis", *OURS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_one_that_something_reads(path: Path, service: str) -> None:
    known = set(settings_variables().variables) | of_the_image()
    assert sorted(name for name in environment(path, service) if stem(name) not in known) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_process_of_the_product_has_the_same_settings(path: Path) -> None:
    [first, *others] = [environment(path, service) for service in OURS]
    for other in others:
        assert {name: given for name, given in other.items() if name not in IMAGE_ONLY} == first
    assert len({str(value(services(path)[service].get("env_file"))) for service in OURS}) == 1


def test_developments_values_are_taken_by_the_settings() -> None:
    variables = settings_variables().variables
    for name, given in environment(DEVELOPMENT, "worker").items():
        if name not in of_the_image():
            variables[name].check(re.sub(r"\$\{\w+:-(\w*)\}", r"\1", given))


def test_production_forgets_nothing_that_development_says() -> None:
    # Which of the two ways to reach a service is a server's own choice; TLS is on unless somebody turns it off.
    left_out = {"DATABASE_URL", "REDIS_URL", "SMTP_TLS", "SMTP_SSL"}
    left_out |= {"DATABASE_POOLER", "EMAIL_PROVIDER"}  # so are these
    left_out |= {"DATA_DIR", "PORT"}  # the image has them
    production = {stem(name) for name in environment(PRODUCTION, "worker")}
    assert sorted(set(environment(DEVELOPMENT, "worker")) - production - left_out) == []


@pytest.mark.slow
def test_production_starts_with_what_its_overlay_gives(tmp_path: Path) -> None:
    given = {"DOCKER_DOMAIN": "keystone.test", "SMTP_HOST": "mail.keystone.test", "SMTP_USER": "keystone"}
    given["EMAILS_FROM_EMAIL"] = "no-reply@keystone.test"
    surroundings = {"PATH": os.environ["PATH"]}
    for name, text in environment(PRODUCTION, "keystone-backend").items():
        filled = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: given.get(found[1], found[2] or ""), text)
        surroundings[name] = filled.replace("/run/secrets/", f"{tmp_path}/")
        if name.endswith("_FILE"):
            (tmp_path / Path(text).name).write_text(
                f"k8Jd-2mQx_7Zt0Wc4Vb9Ny6Lp3Rf1Hs5Gu8Ae-{stem(name)}-XoKiTqEwDzSj\n"
            )
    command = [sys.executable, "manage.py", "server", "config", "SECRET_KEY", "POSTGRES_PASSWORD", "--json"]
    done = subprocess.run(command, cwd=env.BASE_DIR, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "k8Jd" not in done.stdout
    sources = {one["name"]: one["source"] for one in json.loads(done.stdout)["settings"]}
    assert sources == {"SECRET_KEY": f"{tmp_path}/secret_key", "POSTGRES_PASSWORD": f"{tmp_path}/postgres_password"}


def test_every_secret_of_production_comes_from_a_file() -> None:
    secrets = {name for name, variable in settings_variables().variables.items() if not variable.is_told}
    for service in OURS:
        assert sorted(secrets & set(environment(PRODUCTION, service))) == []
        files = {Path(path).name for name, path in environment(PRODUCTION, service).items() if name.endswith("_FILE")}
        assert sorted(services(PRODUCTION)[service]["secrets"]) == sorted(files)
        assert files <= set(read(PRODUCTION)["secrets"])


def test_developments_password_is_one_that_tests_of_production_may_meet() -> None:
    assert environment(DEVELOPMENT, "worker")["POSTGRES_PASSWORD"] not in KNOWN_PASSWORDS


@pytest.mark.slow
@pytest.mark.parametrize("service", OURS)
def test_the_command_of_a_service_is_one_that_exists(service: str, tmp_path: Path) -> None:
    stub = tmp_path / "manage.py"
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    surroundings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    words = services(DEVELOPMENT)[service]["command"]
    assert services(PRODUCTION)[service]["command"] == words[:1]
    command = ["sh", str(ENTRYPOINT), *words]
    asked = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True).stdout.split()
    command = [sys.executable, "manage.py", *asked, "--help"]
    testing = {**os.environ, "ENVIRONMENT": "testing"}
    done = subprocess.run(command, cwd=env.BASE_DIR, env=testing, capture_output=True, text=True)
    assert (done.returncode, "No such option" in done.stdout + done.stderr) == (0, False), done.stdout + done.stderr


def test_what_starts_after_prestart_waits_for_it_and_for_what_is_healthy() -> None:
    for path in FILES:
        for service in OURS[1:]:
            needed = {name: one["condition"] for name, one in value(services(path)[service]["depends_on"]).items()}
            assert needed.pop("prestart") == "service_completed_successfully"
            assert set(needed.values()) == {"service_healthy"}
    for name, one in services(DEVELOPMENT).items():
        assert ("test" in one["healthcheck"]) is (name != "prestart")


def test_development_is_reached_from_this_machine_alone() -> None:
    for service in services(DEVELOPMENT).values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_what_is_watched_is_there_and_never_a_folder_that_is_mounted() -> None:
    for service in services(DEVELOPMENT).values():
        is_mounted = any(volume.startswith(".:") for volume in service.get("volumes", []))
        for one in service.get("develop", {}).get("watch", []):
            assert (env.BASE_DIR / one["path"]).exists()
            assert not (is_mounted and one["action"].startswith("sync"))  # Compose would pass it over


def test_production_opens_the_proxys_ports_alone() -> None:
    base = services(DEVELOPMENT)
    for name, service in services(PRODUCTION).items():
        if name != "proxy":
            assert service.get("ports", RESET if "ports" not in base[name] else None) is RESET, name
    assert read(PRODUCTION)["services"]["mailpit"] is RESET


def test_production_takes_nothing_of_development_along() -> None:
    base, overlay = services(DEVELOPMENT), services(PRODUCTION)
    for name in OURS:
        # A tag works at its own key only: each must stand wherever a mapping or a list would else be merged.
        for key in ("environment", "env_file", "depends_on"):
            assert isinstance(overlay[name][key], Override), (name, key)
        if "volumes" in base[name]:
            assert isinstance(overlay[name]["volumes"], Override)
        if "develop" in base[name]:
            assert overlay[name]["develop"] is RESET


def test_no_two_services_build_an_image_of_one_name() -> None:
    assert {services(DEVELOPMENT)[name]["build"]["target"] for name in OURS} == {"development"}
    assert [name for name in OURS if "image" in services(DEVELOPMENT)[name]] == []
    overlay = services(PRODUCTION)
    assert {overlay[name]["image"] for name in OURS} == {"${DOCKER_IMAGE:-keystone:production}"}
    built = {name: overlay[name]["build"] for name in OURS if overlay[name]["build"] is not RESET}
    assert list(built) == ["keystone-backend"]
    assert isinstance(built["keystone-backend"], Override)
    assert value(built["keystone-backend"])["target"] == "production"


def test_production_contains_every_container() -> None:
    for name, service in services(PRODUCTION).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == ("no" if name == "prestart" else "unless-stopped")
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert services(PRODUCTION)["keystone-backend"]["deploy"]["replicas"] == "${DOCKER_WEB_REPLICAS:-2}"


def test_the_proxy_keeps_inside_what_is_no_business_of_strangers() -> None:
    text = (env.BASE_DIR / "deploy" / "proxy" / "Caddyfile").read_text()
    for line in ("request_header -*_*", "@inside path /metrics /metrics/*", "max_size 20MB", "request_buffers 1MB"):
        assert line in text
    assert environment(PRODUCTION, "worker")["TRUSTED_PROXIES"] == "1"
