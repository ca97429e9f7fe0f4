"""Requests are refused with a reason before anything is stored."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lookalike_api.payloads import AddImage, AddUpload, Search, SearchUpload, narrowing


def test_an_image_goes_to_the_default_collection() -> None:
    body = AddImage.model_validate_json('{"reference": "https://images.example/a.jpg"}')
    assert (body.collection, body.metadata) == ("default", {})


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colection"):
        AddImage.model_validate({"reference": "https://images.example/a.jpg", "colection": "x"})


@pytest.mark.parametrize("metadata", ['{"a": "\\u0000"}', '{"a": [NaN]}', '{"\\u0000": 1}', "[1]"])
def test_metadata_that_postgres_cannot_hold_are_refused(metadata: str) -> None:
    with pytest.raises(ValidationError):
        AddUpload.model_validate({"metadata": metadata})


def test_metadata_of_an_upload_are_json() -> None:
    assert AddUpload.model_validate({"metadata": '{"sku": 7}'}).metadata == {"sku": 7}


@pytest.mark.parametrize("query", [{}, {"image_id": 1, "features": [1.0]}])
def test_a_search_has_exactly_one_query(query: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        Search.model_validate(query)


@pytest.mark.parametrize("features", [[], [0.0, 0.0], [float("nan")], [float("inf")]])
def test_features_without_a_direction_are_refused(features: list[float]) -> None:
    with pytest.raises(ValidationError):
        Search.model_validate({"features": features})


@pytest.mark.parametrize("collection", ["", "x" * 201, "a\0b"])
def test_a_collection_has_a_name_that_can_be_stored(collection: str) -> None:
    with pytest.raises(ValidationError):
        Search.model_validate({"image_id": 1, "collection": collection})


def test_the_filter_beside_an_upload_is_json() -> None:
    question = SearchUpload.model_validate({"filter": '{"colour": "red"}', "threshold": "0.5"})
    assert narrowing(question) == {
        "filter": {"colour": "red"},
        "predicate": None,
        "threshold": 0.5,
        "exact": False,
    }
