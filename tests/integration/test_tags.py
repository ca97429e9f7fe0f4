"""Tags: stored with the features that they are of, read by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from lookalike.cli.commands import app
from lookalike.database import transaction
from lookalike.errors import UnknownImage
from lookalike.features import FeatureSpace, Tag
from lookalike.jobs import ClaimedJob, Lane
from tests.integration.installation import Installation, embedded, random_features

DOCS = Path(__file__).parents[2] / "docs"
_MANY = """
    WITH many AS (
        INSERT INTO lookalike.images (collection_id, reference)
        SELECT 1, n::text FROM generate_series(1, 3000) n RETURNING id
    )
    INSERT INTO lookalike.image_tags (image_id, space_id, label, probability)
    SELECT id, 1, 'label ' || id % 500, 0.1 FROM many
"""
PANDA, BAMBOO = Tag("giant panda", 0.75), Tag("bamboo", 0.125)


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def embed(house: Installation, *tags: Tag, collection: str = "shop") -> tuple[int, ClaimedJob]:
    """Embed the one image, or embed it again, with these tags."""
    execute(house, "UPDATE lookalike.images SET image_key = NULL")
    image = house.client.add("https://example.org/a.jpg", collection=collection)
    (job,) = house.claim()
    house.commit([embedded(job, random_features(1)[0], tags)])
    return image.image_id, job


def execute(house: Installation, statement: str) -> None:
    with transaction(house.engine) as connection:
        connection.execute(text(statement))


def n_rows(house: Installation) -> int:
    with transaction(house.engine) as connection:
        return int(
            connection.execute(text("SELECT count(*) FROM lookalike.image_tags")).scalar_one()
        )


def test_tags_are_read_likeliest_first(house: Installation) -> None:
    image_id, _ = embed(house, BAMBOO, PANDA)
    assert house.client.tags(image_id) == [PANDA, BAMBOO]
    assert house.client.why(image_id).tags == [PANDA, BAMBOO]


def test_embedding_again_replaces_the_tags(house: Installation) -> None:
    embed(house, PANDA, BAMBOO)
    image_id, _ = embed(house, Tag("giant panda", 0.5), Tag("bear", 0.25))
    assert house.client.tags(image_id) == [Tag("giant panda", 0.5), Tag("bear", 0.25)]
    embed(house)
    assert house.client.tags(image_id) == []


def test_a_second_commit_of_the_same_job_changes_nothing(house: Installation) -> None:
    image_id, job = embed(house, PANDA)
    house.commit([embedded(job, random_features(1)[0], (BAMBOO,))])
    assert house.client.tags(image_id) == [PANDA]


def test_images_of_one_commit_keep_their_own_tags(house: Installation) -> None:
    images = list(house.client.add_many(f"https://example.org/{n}.jpg" for n in range(3)))
    rows, tags = random_features(3), [(PANDA,), (), (PANDA, BAMBOO)]
    jobs = house.claim()
    house.commit([embedded(*one) for one in zip(jobs, rows, tags, strict=True)])
    assert [tuple(house.client.tags(image.image_id)) for image in images] == tags


def test_tags_go_with_their_image(house: Installation) -> None:
    image_id, _ = embed(house, PANDA)
    execute(house, f"DELETE FROM lookalike.images WHERE id = {image_id}")
    assert n_rows(house) == 0
    with pytest.raises(UnknownImage, match=f"no image has the id {image_id}"):
        house.client.tags(image_id)


def test_a_query_image_leaves_no_tags(house: Installation) -> None:
    embed(house)
    execute(
        house,
        "INSERT INTO lookalike.jobs (collection_id, reference, space_id, lane) "
        "SELECT id, 'https://example.org/q.jpg', space_id, 0 FROM lookalike.collections",
    )
    (job,) = house.claim(lane=Lane.INTERACTIVE)
    house.commit([embedded(job, random_features(1)[0], (PANDA,))])
    assert n_rows(house) == 0


def test_tags_are_those_of_the_feature_space_that_the_collection_serves(
    house: Installation, database_url: str
) -> None:
    image_id, _ = embed(house, PANDA)
    other = Installation.on(database_url, space=FeatureSpace("other", "cd" * 32, 4032, True))
    execute(house, f"UPDATE lookalike.collections SET space_id = {other.space_id}")
    other.close()
    assert house.client.tags(image_id) == []


def test_the_sql_of_the_docs_finds_images_by_their_label_with_the_index(
    house: Installation,
) -> None:
    image_id, _ = embed(house, PANDA)
    execute(house, _MANY)
    execute(house, "ANALYZE lookalike.images, lookalike.image_tags")
    statements = re.findall(r"```sql\n(.*?)```", (DOCS / "encoders.md").read_text(), re.DOTALL)
    (query,) = (statement for statement in statements if "image_tags" in statement)
    with transaction(house.engine) as connection:
        found = connection.execute(text(query)).all()
        plan = connection.execute(text(f"EXPLAIN {query}")).scalars().all()
    assert [tuple(row) for row in found] == [(image_id, "https://example.org/a.jpg", 0.75)]
    assert "image_tags_label_idx" in "\n".join(plan)


def test_the_command_line_shows_tags(
    house: Installation, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id, _ = embed(house, PANDA, BAMBOO)
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    shown = CliRunner().invoke(app, ["why", str(image_id)], catch_exceptions=False)
    assert "tags: giant panda 0.75, bamboo 0.12" in shown.output
