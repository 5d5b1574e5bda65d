"""Clients that are generated from the schema: what they send, and what they make of the answers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from keystone.accounts.models import User
from keystone.accounts.status import Status
from keystone.api.schema_clients import _parts, suit_clients
from keystone.testing.factories import UserFactory, superuser
from tests.contract.operations import document, operation, operations
from tests.contract.roles import SignedIn

# What the tests of real generators are made with; they are put beside pytest's cache, once.
NPM_PACKAGES = ("openapi-typescript@7.13.0", "typescript@5.9.3", "openapi-fetch@0.17.0")
PYTHON_PACKAGES = ("datamodel-code-generator==0.89.0", "pydantic[email]==2.13.4")
NODE, NPM = shutil.which("node") or "", shutil.which("npm") or ""
UV = shutil.which("uv") or shutil.which("uv", path=os.fspath(Path(settings.BASE_DIR) / ".uv" / "bin")) or ""

CALLS = """
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

const client = createClient<paths>({ baseUrl: "http://localhost:8000" });

export async function walk(): Promise<string | null> {
  const signedIn = await client.POST("/api/auth/login/", { body: { email: "a@example.com", password: "secret" } });
  const token: string = signedIn.data?.access ?? "";
  const id = "00000000-0000-0000-0000-000000000000";
  const path = { path: { id } };
  await client.POST("/api/auth/register/", { body: { email: "a@example.com", first_name: "A", password: "secret" } });
  await client.POST("/api/users/{id}/approve/", { params: path, body: {} });
  await client.POST("/api/users/{id}/reject/", { params: path, body: { reason: "why" } });
  await client.POST("/api/users/{id}/suspend/", { params: path, body: { reason: "why" } });
  await client.POST("/api/users/bulk/", { body: { action: "approve", ids: [id] } });
  await client.POST("/api/auth/sessions/revoke-all/", { body: {} });
  const page = await client.GET("/api/users/", { params: { query: { page_size: 100, ordering: "-email" } } });
  const first: components["schemas"]["User"] | undefined = page.data?.results[0];
  const ends: string | null | undefined = first?.access_ends_at;
  // @ts-expect-error A password is required.
  await client.POST("/api/auth/login/", { body: { email: "a@example.com" } });
  return page.data?.next ?? ends ?? token;
}
"""
READ = """
import importlib, json, sys

sys.path.insert(0, sys.argv[1])
models = importlib.import_module("models")
for name, body in json.load(open(f"{sys.argv[1]}/answers.json")):
    getattr(models, name).model_validate(body)
    print(name)
"""


def test_nothing_that_is_sent_has_a_default_and_no_answer_a_format_that_stored_values_need_not_pass() -> None:
    sent, answered = _parts(document(), "requestBody"), _parts(document(), "responses")
    assert len(sent) > 100
    assert len(answered) > 100
    assert [part for part in sent if "default" in part] == []
    assert {part["format"] for part in answered if isinstance(part.get("format"), str)} <= {
        "uuid",
        "date-time",
        "binary",
    }
    assert operation("auth_register").fields["email"]["format"] == "email"
    assert operation("users_approve").fields["notify"]["description"] == "Mail the person. By default `true`."
    assert operation("users_list").query["page_size"]["default"] == 25


def test_defaults_and_formats_are_found_at_any_depth() -> None:
    def body(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    components: dict[str, Any] = {
        "In": {
            "properties": {
                "on": {"type": "boolean", "default": True},
                "rows": {"items": {"$ref": "#/components/schemas/Row"}},
            }
        },
        "Row": {
            "properties": {
                "self": {"$ref": "#/components/schemas/Row"},
                "n": {"default": 0, "description": "How many."},
            }
        },
        "Out": {"properties": {"rows": {"type": "array", "items": {"properties": {"mail": {"format": "email"}}}}}},
        "Both": {"properties": {"mail": {"format": "email"}}},
    }
    made: dict[str, Any] = {
        "components": {"schemas": components},
        "paths": {
            "/a/": {"post": {"requestBody": body("In"), "responses": {"200": body("Out")}}},
            "/b/": {"put": {"requestBody": body("Both"), "responses": {"200": body("Both")}}},
        },
    }
    suit_clients(made)
    assert components["In"]["properties"]["on"] == {"type": "boolean", "description": "By default `true`."}
    assert components["Row"]["properties"]["n"] == {"description": "How many. By default `0`."}
    assert components["Out"]["properties"]["rows"]["items"] == {"properties": {"mail": {}}}
    assert components["Both"]["properties"]["mail"] == {"format": "email"}


@pytest.mark.slow
@pytest.mark.skipif(not (NODE and NPM), reason="no node or npm on this machine")
def test_a_typescript_client_compiles_with_what_is_required_and_no_more(pytestconfig: pytest.Config) -> None:
    folder = pytestconfig.cache.mkdir("typescript")
    if [name for name in NPM_PACKAGES if name not in _installed(folder)]:
        install = [NPM, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", *NPM_PACKAGES]
        made = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300)
        if made.returncode:
            pytest.skip(f"the packages cannot be had: {made.stderr[-300:]}")
    (folder / "schema.json").write_text(json.dumps(document()))
    (folder / "client.ts").write_text(CALLS + _required_only())
    run = [NODE, "node_modules/openapi-typescript/bin/cli.js", "schema.json", "-o", "schema.d.ts"]
    subprocess.run(run, cwd=folder, capture_output=True, check=True, timeout=120)
    options = [
        "--strict",
        "--noEmit",
        "--skipLibCheck",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--lib",
        "es2022,dom",
    ]
    options += ["--exactOptionalPropertyTypes", "--moduleResolution", "nodenext"]
    compiled = subprocess.run(
        [NODE, "node_modules/typescript/bin/tsc", *options, "client.ts"],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert compiled.stdout == ""
    assert compiled.returncode == 0


def _installed(folder: Path) -> set[str]:
    found = (folder / "node_modules").glob("*/package.json")
    packages = [json.loads(path.read_text()) for path in found]
    return {f"{package['name']}@{package['version']}" for package in packages}


def _required_only() -> str:
    """A constant for each body that the API takes, with the fields that are required."""
    lines = []
    for one in operations():
        if one.body is not None:
            fields = ", ".join(f"{name}: undefined as never" for name in one.body.get("required", []))
            body = f'paths["{one.path}"]["{one.method}"]["requestBody"]'
            content = f'NonNullable<{body}>["content"]["application/json"]'
            lines.append(f"export const {one.id}: {content} = {{ {fields} }};")
    assert len(lines) > 20
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.skipif(not UV, reason="no uv on this machine")
def test_a_python_client_reads_whole_pages(tmp_path: Path, signed_in: SignedIn) -> None:
    root = superuser(email="root@localhost")
    addresses = (
        "o'neil+x@sample.test",
        "a@printer.local",
        "müller@bücher.example",
        "a.@example.com",
        "x" * 64 + "@a.example",
    )
    for address, status in zip(addresses, Status.values, strict=False):
        user = UserFactory(status=status, last_name="")
        User.objects.filter(pk=user.pk).update(email=address)  # as an older release, or another one's rules, stored it
    client: APIClient = signed_in(root)
    client.patch("/api/me/", {"first_name": "Changed"})
    read = {
        "PaginatedUserList": "/api/users/?page_size=100",
        "PaginatedAuditEventList": "/api/audit/?page_size=100",
        "PaginatedSessionList": "/api/auth/sessions/",
        "Me": "/api/me/",
        "User": f"/api/users/{root.pk}/",
        "StatusCounts": "/api/users/status-counts/",
        "Settings": "/api/me/settings/",
    }
    answers = [(name, client.get(path).json()) for name, path in read.items()]
    assert len(answers[0][1]["results"]) == len(addresses) + 1
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    (tmp_path / "schema.json").write_text(json.dumps(document()))
    python = [UV, "run", "--no-project", "--isolated", "--python", sys.executable]
    python += [part for package in PYTHON_PACKAGES for part in ("--with", package)]
    generate = ["datamodel-codegen", "--input", "schema.json", "--strict-nullable", "--output", "models.py"]
    generate += ["--output-model-type", "pydantic_v2.BaseModel"]
    made = subprocess.run([*python, *generate], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    if "Failed to fetch" in made.stderr:
        pytest.skip(f"the packages cannot be had: {made.stderr[-300:]}")
    assert made.returncode == 0, made.stderr
    checked = subprocess.run(
        [*python, "python", "-c", READ, os.fspath(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert (checked.stdout.split(), checked.returncode) == (list(read), 0), checked.stderr
