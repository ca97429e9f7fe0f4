"""The database's history."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from lookalike.client import Lookalike
from lookalike.database import open_engine, translated
from lookalike.errors import SchemaOutdated, StoreUnavailable
from lookalike.settings import Settings
from lookalike.tables import SCHEMA_VERSION, metadata
from lookalike_migrations import migrate

# What a database of the first schema holds: an embedded image, a queued one, a query's answer.
ROWS_OF_0001 = """
    SELECT lookalike.register_space('old', repeat('ab', 32), 3, true);
    INSERT INTO lookalike.collections (name, space_id) VALUES ('shop', 1);
    INSERT INTO lookalike.images (collection_id, reference) VALUES (1, 'a'), (1, 'b');
    INSERT INTO lookalike.features VALUES (1, 1, 1, '[1, 2, 3]');
    INSERT INTO lookalike.jobs (collection_id, image_id, reference, space_id, status)
        VALUES (1, 1, 'a', 1, 'done'), (1, 2, 'b', 1, 'queued'), (1, NULL, 'c', 1, 'done');
    INSERT INTO lookalike.query_features VALUES (3, 1, '[3, 2, 1]');
"""


def execute(database_url: str, statement: str) -> None:
    with closing(psycopg2.connect(database_url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)


def test_the_migrated_database_is_what_the_tables_say(database_url: str) -> None:
    assert_as_the_tables_say(database_url)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005"])
def test_rows_of_an_earlier_schema_stay_and_can_be_used(
    empty_database_url: str, revision: str
) -> None:
    migrate(empty_database_url, revision=revision)
    execute(empty_database_url, ROWS_OF_0001)
    migrate(empty_database_url)
    assert_as_the_tables_say(empty_database_url)
    with Lookalike(empty_database_url) as client:
        np.testing.assert_array_equal(client.features(1).features, [1, 2, 3])
        assert client.status().n_open == 1
        found = client.search(features=np.ones(3, np.float32), collection="shop")
        assert [neighbour.image_id for neighbour in found] == [1]
    assert counted(empty_database_url, "features") == 1


def test_features_that_are_written_while_they_are_counted_are_counted_once(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url, revision="0003")
    execute(empty_database_url, ROWS_OF_0001)
    migrate(empty_database_url)
    execute(empty_database_url, "INSERT INTO lookalike.features VALUES (1, 1, 2, '[3, 2, 1]')")
    migrate(empty_database_url)
    assert counted(empty_database_url, "features") == 2


def counted(database_url: str, what: str) -> int:
    """What the tallies say."""
    with closing(psycopg2.connect(database_url)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT sum(n) FROM lookalike.tallies WHERE what = %s", [what])
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_behind_a_long_transaction_a_migration_gives_up_and_changes_nothing(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url, revision="0001")
    with closing(psycopg2.connect(empty_database_url)) as reader:
        reader.cursor().execute("SELECT count(*) FROM lookalike.feature_spaces")
        with pytest.raises(StoreUnavailable, match="holds a lock for too long"), translated():
            migrate(empty_database_url)
    migrate(empty_database_url)
    assert_as_the_tables_say(empty_database_url)


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Whether a thing of the database stands in the tables: partitions do not."""
    is_partition = kind == "table" and str(name).startswith("features_")
    return name == "lookalike" if kind == "schema" else not is_partition


def assert_as_the_tables_say(database_url: str) -> None:
    # A role named like the schema would make it the default one, which is reflected unnamed.
    engine = open_engine(f"{database_url}?options=-csearch_path%3Dpublic")
    options = {
        "include_schemas": True,
        "version_table_schema": "lookalike",
        "include_name": is_ours,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        version = connection.scalar(text("SELECT version_num FROM lookalike.alembic_version"))
    engine.dispose()
    assert version == SCHEMA_VERSION


def test_an_older_schema_is_refused_with_the_command_to_run(database_url: str) -> None:
    execute(database_url, "UPDATE lookalike.alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaOutdated, match="lookalike migrate"):
        Lookalike(settings=Settings.load({"LOOKALIKE_DATABASE_URL": database_url}))


def test_an_unreachable_database_is_unavailable() -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    with pytest.raises(StoreUnavailable, match="is LOOKALIKE_DATABASE_URL right"):
        Lookalike(settings=Settings.load({"LOOKALIKE_DATABASE_URL": url}))
