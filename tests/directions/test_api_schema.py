"""The API's description: complete, without a warning, the same as in docs/, and readable in a browser."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

WRITTEN = settings.ROOT / "docs" / "openapi.yaml"
OPEN = {  # what may be asked without an account
    "accounts_create",
    "catalog_get",
    "catalog_list",
    "evidence_get",
    "evidence_list",
    "photos_domain",
    "photos_preview",
    "recipes_replay",
    "samples_list",
    "sliders_list",
    "tokens_create",
    "tray_get",
}


@pytest.fixture(scope="module")
def schema() -> Any:
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        made = SchemaGenerator().get_schema(request=None, public=True)
    return made


def operations(schema: Any) -> dict[str, Any]:
    return {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


def test_the_schema_is_made_without_a_warning(schema: Any) -> None:
    assert not GENERATOR_STATS._warn_cache, "\n".join(GENERATOR_STATS._warn_cache)
    assert not GENERATOR_STATS._error_cache, "\n".join(GENERATOR_STATS._error_cache)
    assert len(operations(schema)) > 30, "rooms are missing"


def test_the_file_in_docs_is_what_the_code_says(tmp_path: Any) -> None:
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", "--file", str(made))
    assert WRITTEN.read_text(encoding="utf-8") == made.read_text(encoding="utf-8"), (
        "docs/openapi.yaml is old: python manage.py spectacular --file docs/openapi.yaml"
    )


def test_every_operation_says_what_it_does_and_how_it_refuses(schema: Any) -> None:
    for name, operation in operations(schema).items():
        assert operation.get("description") or operation.get("summary"), f"{name} says nothing"
        refusal = operation["responses"].get("default")
        assert refusal is not None, f"{name} does not say how it refuses"
        content = refusal["content"]["application/json"]["schema"]
        assert content == {"$ref": "#/components/schemas/Refusal"}, name


def test_posts_of_pairs_and_photos_take_an_idempotency_key(schema: Any) -> None:
    found = operations(schema)
    for name in ("pairs_create", "photos_create"):
        headers = {p["name"] for p in found[name]["parameters"] if p["in"] == "header"}
        assert headers == {"Idempotency-Key"}


def test_bearer_tokens_are_described_and_what_is_open_is_open(schema: Any) -> None:
    assert schema["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}
    found = operations(schema)
    for name in OPEN:
        assert {} in found[name].get("security", [{}]), f"{name} asks for an account"
    for name in ("pairs_create", "photos_create", "recipes_create", "photos_list"):
        assert {} not in found[name]["security"], f"{name} is open to everybody"


def test_a_search_shows_what_documents_say(schema: Any) -> None:
    """An enumeration that drf-spectacular had to name by a hash would be unreadable for clients."""
    odd = [name for name in schema["components"]["schemas"] if name.endswith("Enum") and len(name) > 40]
    assert not odd


@pytest.mark.django_db
def test_schema_and_its_pages_are_served_and_ask_nobody_else() -> None:
    client = Client()
    served = client.get("/api/v1/schema/")
    assert served.status_code == 200
    assert yaml.safe_load(served.content)["info"]["title"] == "Direction Commons"
    page = client.get("/api/docs/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text
    assert "http://" not in text
    assert "<script>" not in text, "the content security policy would not run it"
    assert "default-src" in page["Content-Security-Policy"]
