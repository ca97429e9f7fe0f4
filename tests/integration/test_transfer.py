"""A collection goes into a file and comes back, here and elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from lookalike import queue
from lookalike.client import Lookalike
from lookalike.database import transaction
from lookalike.errors import ExportUnusable, Rejected, UnknownCollection, WrongFeatureSpace
from lookalike.features import Features, FeatureSpace
from lookalike.images import ImageKey, ImageRef
from lookalike.jobs import Embedded, Request, Trace
from lookalike.settings import Settings, environment
from tests.integration.installation import Installation, random_features

SPACE = FeatureSpace("fake", "ab" * 32, 24, trained=True)
OTHER = FeatureSpace("other", "cd" * 32, 24, trained=False)

ODD = [
    "https://example.org/a.jpg?q=ä&b=\\N\t'\"",
    "file:///pictures/a%20b%0Ac.jpg",
    "file:///%FF%FE.png",
    "https://example.org/" + "x" * 2000,
    "upload:" + "0" * 63,
    "upload:" + "ef" * 32,
]
_STORED = """
    SELECT i.reference, i.metadata, encode(i.image_key, 'hex') AS key,
        halfvec_send(f.features) AS features
    FROM lookalike.features f JOIN lookalike.images i ON i.id = f.image_id
    JOIN lookalike.collections c ON c.id = i.collection_id AND f.space_id = c.space_id
    WHERE c.name = :name ORDER BY i.reference
"""


@pytest.fixture
def here(database_url: str) -> Iterator[Installation]:
    installation = Installation.on(database_url, space=SPACE)
    yield installation
    installation.close()


@pytest.fixture
def elsewhere(other_database_url: str) -> Iterator[Lookalike]:
    """An installation that has never seen a worker or a feature space."""
    settings = Settings.load({"LOOKALIKE_DATABASE_URL": other_database_url})
    with Lookalike(settings=settings) as client:
        yield client


@pytest.fixture
def file(here: Installation, tmp_path: Path) -> Path:
    """An export of six odd images and 300 plain ones."""
    fill(here)
    path = tmp_path / "shop.parquet"
    assert here.client.operator.export_collection("shop", path) == 306
    return path


def fill(here: Installation) -> None:
    features = numbers(306)
    features[:, ::3] *= 1e-7  # below the least half that has all its bits
    metadata: list[dict[str, object]] = [{}, {"a": [1, None, {"b": "ß\u2028\\u0000"}]}]
    images = [
        Request(ImageRef(reference), ImageKey.of(bytes(i)) if i % 2 else None, metadata[i % 2])
        for i, reference in enumerate([*ODD, *(f"https://example.org/{i}.jpg" for i in range(300))])
    ]
    here.client.add_features(images, features, SPACE, collection="shop")
    here.client.add("https://example.org/without-features.jpg", collection="shop")


def numbers(n: int) -> Features:
    return random_features(n, dimensions=SPACE.dimensions)


def stored(client: Lookalike, collection: str = "shop") -> list[tuple[object, ...]]:
    with transaction(client._engine) as connection:
        rows = connection.execute(text(_STORED), {"name": collection}).all()
    return [(row.reference, row.metadata, row.key, bytes(row.features)) for row in rows]


def test_a_collection_comes_back_bit_by_bit_where_its_space_was_unknown(
    here: Installation, elsewhere: Lookalike, file: Path
) -> None:
    assert elsewhere.operator.import_collection(file) == 306
    assert stored(elsewhere) == stored(here.client)
    (collection,) = elsewhere.status().collections
    assert (collection.space, collection.is_trained) == (SPACE.name, True)
    (image_id,) = elsewhere.add_features(
        ["https://example.org/7.jpg"], numbers(1), SPACE, collection="shop"
    )
    assert len(elsewhere.search(image_id=image_id, k=5)) == 5


def test_what_a_worker_stored_comes_back_zeros_too(
    here: Installation, elsewhere: Lookalike, tmp_path: Path
) -> None:
    here.client.add("https://example.org/black.jpg")
    (job,) = here.claim()
    zeros = np.zeros(SPACE.dimensions, np.float32)
    here.commit([Embedded(job, ImageKey.of(b"black"), zeros, Trace(1, 2, 3, 4))])
    path = tmp_path / "default.parquet"
    here.client.operator.export_collection("default", path)
    elsewhere.operator.import_collection(path)
    assert stored(elsewhere, "default") == stored(here.client, "default")


def test_importing_again_changes_nothing(here: Installation, file: Path) -> None:
    before = stored(here.client)
    for _ in range(2):
        assert here.client.operator.import_collection(file) == 306
    assert stored(here.client) == before
    assert here.client.operator.import_collection(file, collection="copy") == 306
    assert stored(here.client, "copy") == before


def test_an_import_that_was_broken_off_is_taken_up(
    elsewhere: Lookalike, here: Installation, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.transfer.moving.portion_size", lambda _: 50)

    def breaks(n_done: int, _: int) -> None:
        if n_done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        elsewhere.operator.import_collection(file, watch=breaks)
    assert 100 <= len(stored(elsewhere)) < 306
    elsewhere.operator.import_collection(file)
    assert stored(elsewhere) == stored(here.client)


def test_a_collection_of_another_space_refuses(here: Installation, file: Path) -> None:
    here.client.add_features(["https://example.org/1.jpg"], numbers(1), OTHER, collection="other")
    with pytest.raises(WrongFeatureSpace, match="'other' serves another"):
        here.client.operator.import_collection(file, collection="other")
    assert len(stored(here.client, "other")) == 1


def test_an_export_is_of_one_moment(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.transfer.exporting._MOST_ROWS", 100)
    fill(here)
    told = []

    def watch(n_done: int, n_images: int) -> None:
        told.append((n_done, n_images))
        if n_done == 100:
            here.client.add_features(
                ["https://example.org/late.jpg"], numbers(1), SPACE, collection="shop"
            )

    assert here.client.operator.export_collection("shop", tmp_path / "a", watch=watch) == 306
    assert told == [(0, 306), (100, 306), (200, 306), (300, 306), (306, 306)]


def test_bytes_of_uploads_go_along_where_they_are_wanted(
    here: Installation, elsewhere: Lookalike, tmp_path: Path
) -> None:
    with transaction(here.engine) as connection:
        reference, key = queue.upload(connection, b"picture")
    given = [Request(reference, key), Request(ImageRef(ODD[0])), Request(ImageRef(ODD[5]))]
    here.client.add_features(given, numbers(3), SPACE, collection="shop")
    path = tmp_path / "a.parquet"
    here.client.operator.export_collection("shop", path, uploads=True)
    assert sorted(pq.read_table(path)["upload"].to_pylist(), key=bool) == [None, None, b"picture"]
    elsewhere.operator.import_collection(path)
    with transaction(elsewhere._engine) as connection:
        rows = connection.execute(text("SELECT image_key, data FROM lookalike.uploads")).all()
    assert [(bytes(row.image_key), bytes(row.data)) for row in rows] == [(key.digest, b"picture")]


def test_a_file_appears_whole_or_not_at_all(here: Installation, file: Path) -> None:
    before = file.read_bytes()

    def breaks(n_done: int, _: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        here.client.operator.export_collection("shop", file, watch=breaks)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_cannot_be_exported_says_so(
    here: Installation, elsewhere: Lookalike, tmp_path: Path
) -> None:
    with pytest.raises(UnknownCollection):
        here.client.operator.export_collection("none", tmp_path / "a")
    elsewhere.add("https://example.org/1.jpg", collection="shop")
    with pytest.raises(Rejected, match="no feature space yet"):
        elsewhere.operator.export_collection("shop", tmp_path / "a")
    fill(here)
    with pytest.raises(Rejected, match="cannot be written"):
        here.client.operator.export_collection("shop", tmp_path / "missing" / "a")


def test_other_tools_read_what_an_export_holds(file: Path) -> None:
    table = pq.read_table(file)
    assert table.schema.field("features").type == pa.list_(
        pa.field("element", pa.float16(), nullable=False), 24
    )
    assert table.column_names == ["reference", "metadata", "image_key", "created_at", "features"]
    header = json.loads(table.schema.metadata[b"lookalike"])
    assert header["format"] == 1
    assert header["space"]["digest"] == SPACE.digest


def with_header(file: Path, **changes: object) -> None:
    table = pq.read_table(file)
    header = {**json.loads(table.schema.metadata[b"lookalike"]), **changes}
    pq.write_table(table.replace_schema_metadata({"lookalike": json.dumps(header)}), file)


def test_a_file_that_is_no_export_is_refused(here: Installation, file: Path) -> None:
    table = pq.read_table(file)
    space = json.loads(table.schema.metadata[b"lookalike"])["space"]
    whole = file.read_bytes()
    damage: dict[str, Callable[[], object]] = {
        "no file is at": file.unlink,
        "cannot be read as Parquet": lambda: file.write_bytes(b"no parquet at all"),
        r"cannot be read as Parquet \(": lambda: file.write_bytes(whole[:-100]),
        "no export of a collection": lambda: pq.write_table(
            table.replace_schema_metadata({}), file
        ),
        "no column features": lambda: pq.write_table(table.drop_columns(["features"]), file),
        "found the column metadata of the type binary": lambda: pq.write_table(
            table.set_column(1, "metadata", table["metadata"].cast(pa.binary())), file
        ),
        "the format 2": lambda: with_header(file, format=2),
        "in no way that can be read": lambda: with_header(file, space={}),
        "found the column features of the type": lambda: with_header(
            file, space={**space, "dimensions": 23}
        ),
        "reference has rows without": lambda: pq.write_table(
            table.set_column(0, "reference", pa.nulls(306, pa.string())), file
        ),
    }
    for message, harm in damage.items():
        file.write_bytes(whole)
        harm()
        with pytest.raises(ExportUnusable, match=message):
            here.client.operator.import_collection(file, collection="new")
    assert stored(here.client, "new") == []


def test_bytes_that_were_changed_are_noticed(here: Installation, file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(ExportUnusable, match="cannot be read"):
        here.client.operator.import_collection(file, collection="new")


def test_the_commands_do_the_same(
    here: Installation, file: Path, database_url: str, tmp_path: Path
) -> None:
    def lookalike(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lookalike.cli", *arguments],
            env={**environment(), "LOOKALIKE_DATABASE_URL": database_url},
            capture_output=True,
            text=True,
            check=False,
        )

    path = str(tmp_path / "again.parquet")
    assert "306 images of shop written to" in lookalike("export", "shop", path, "--uploads").stdout
    assert "306 images stored from" in lookalike("import", path, "--collection", "copy").stdout
    assert stored(here.client, "copy") == stored(here.client)
    Path(path).write_text("no parquet")
    broken = lookalike("import", path)
    assert (broken.returncode, broken.stderr[:14]) == (1, "ExportUnusable")
