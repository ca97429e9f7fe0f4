"""The OpenAPI document is whole, and its examples are what it says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from lookalike.settings import Settings
from lookalike_api.app import create_app
from lookalike_api.examples import EXAMPLES
from lookalike_api.payloads import AddUpload, SearchUpload

_NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings.load({"LOOKALIKE_DATABASE_URL": _NOWHERE})).openapi()


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The media type and the content of each request and answer."""
    for operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            yield from body.get("content", {}).items()


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for field in ("summary", "description", "tags", "operationId"):
            assert operation[field], (operation["operationId"], field)
        assert operation["operationId"].replace("_", "").islower()
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert set(names) == set(EXAMPLES)


def test_every_operation_has_its_problems_by_status(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "4":
                example = response["content"]["application/problem+json"]["example"]
                assert str(example["status"]) == status
        assert "500" in operation["responses"]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    n_checked = 0
    for media_type, content in contents(document):
        if media_type != "multipart/form-data":
            schema = {**content["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])
            n_checked += 1
            if "x-itemSchema" in schema:
                for line in content["example"].splitlines():
                    item = {**schema["x-itemSchema"], "components": document["components"]}
                    jsonschema.Draft202012Validator(item).validate(json.loads(line))
    assert n_checked > 100


def test_the_examples_of_forms_are_accepted() -> None:
    AddUpload.model_validate(EXAMPLES["add_image"].form)
    SearchUpload.model_validate(EXAMPLES["search"].form)


def test_tags_are_explained(document: dict[str, Any]) -> None:
    used = {tag for operation in operations(document) for tag in operation["tags"]}
    assert used <= {tag["name"] for tag in document["tags"]}
