"""The database's history."""

from __future__ import annotations

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from lookalike.client import Lookalike
from lookalike.database import open_engine
from lookalike.errors import SchemaOutdated, StoreUnavailable
from lookalike.settings import Settings
from lookalike.tables import metadata
from lookalike_migrations import migrate


def test_migrating_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)


def test_the_migrated_database_is_what_the_tables_say(database_url: str) -> None:
    # A role named like the schema would make it the default one, which is reflected unnamed.
    engine = open_engine(f"{database_url}?options=-csearch_path%3Dpublic")
    options = {
        "include_schemas": True,
        "version_table_schema": "lookalike",
        "include_name": lambda name, kind, _: kind != "schema" or name == "lookalike",
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_older_schema_is_refused_with_the_command_to_run(database_url: str) -> None:
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE lookalike.alembic_version SET version_num = '0000'")
    connection.close()
    with pytest.raises(SchemaOutdated, match="lookalike migrate"):
        Lookalike(settings=Settings.load({"LOOKALIKE_DATABASE_URL": database_url}))


def test_an_unreachable_database_is_unavailable() -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    with pytest.raises(StoreUnavailable, match="is LOOKALIKE_DATABASE_URL right"):
        Lookalike(settings=Settings.load({"LOOKALIKE_DATABASE_URL": url}))
