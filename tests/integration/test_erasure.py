"""What was erased is nowhere any more, and nobody else's images are touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from lookalike.collections.erasure import Receipt, erase_collection, erase_images
from lookalike.database import transaction
from lookalike.errors import UnknownCollection
from lookalike.indexes import build_index
from tests.integration.installation import Installation, random_features

PICTURE, OTHER = b"GIF89a one picture", b"GIF89a another"

_TABLES = """
    SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
    WHERE table_schema = 'lookalike' AND table_type = 'BASE TABLE'
        AND table_name NOT IN
            ('feature_spaces', 'workers', 'alembic_version', 'tallies', 'leases')
"""


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    yield installation
    installation.close()


def n_rows(house: Installation) -> dict[str, int]:
    """Of all tables that hold something."""
    with transaction(house.engine) as connection:
        names = connection.scalars(text(_TABLES)).all()
        counts = {n: connection.scalar(text(f"SELECT count(*) FROM {n}")) for n in names}
        connection.execute(text("SELECT lookalike.fold_tallies()"))
        counts["tallies"] = connection.scalar(text("SELECT count(*) FROM lookalike.tallies"))
    return {name: int(n) for name, n in counts.items() if n}


def fill(house: Installation, collection: str, n: int = 150) -> None:
    list(house.client.add_many([PICTURE, OTHER], collection=collection))
    urls = [f"https://example.org/{i}.jpg" for i in range(n - 2)]
    list(house.client.add_many(urls, collection=collection))
    house.embed(random_features(n))


def test_an_erased_collection_leaves_no_row_in_any_table(house: Installation) -> None:
    empty = n_rows(house)
    fill(house, "shop")
    build_index(house.engine, "shop")
    house.client.operator.pause("shop")
    receipt = erase_collection(house.engine, "shop")
    assert receipt == Receipt(n_images=150, n_features=150, n_jobs=150, n_uploads=2)
    assert n_rows(house) == empty
    with pytest.raises(UnknownCollection):
        house.client.search(features=random_features(1)[0], collection="shop")


def test_bytes_that_another_collection_needs_stay(house: Installation) -> None:
    fill(house, "shop")
    house.client.add(PICTURE, collection="museum")
    assert erase_collection(house.engine, "shop").n_uploads == 1
    assert len(house.claim()) == 1
    with transaction(house.engine) as connection:
        assert bytes(connection.scalar(text("SELECT data FROM lookalike.uploads"))) == PICTURE


def test_single_images_are_erased_with_all_their_jobs(house: Installation) -> None:
    fill(house, "shop", 10)
    with transaction(house.engine) as connection:
        connection.execute(
            text("""
                INSERT INTO lookalike.jobs
                    (collection_id, image_id, reference, status, finished_at)
                SELECT collection_id, id, reference, 'failed', now() FROM lookalike.images
            """)
        )
    assert erase_images(house.engine, [1, 2, 2, 999]) == Receipt(2, 2, 4, 2)
    assert n_rows(house)["lookalike.images"] == 8
    assert len(house.client.search(features=random_features(1)[0], collection="shop")) == 8


def test_an_erasure_that_was_broken_off_goes_on_by_its_new_name(house: Installation) -> None:
    fill(house, "shop")

    def break_off(_: Receipt) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase_collection(house.engine, "shop", watch=break_off)
    fill(house, "shop", 3)
    (left,) = [c.name for c in house.client.status().collections if c.name != "shop"]
    erase_collection(house.engine, left)
    assert [c.name for c in house.client.status().collections] == ["shop"]
