"""A table of the user's own as a source of images."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from lookalike import Lookalike
from lookalike.attachments import Attachments, follow
from lookalike.cli.commands import app
from lookalike.database import open_engine
from lookalike.errors import Rejected

PRODUCT = """
    CREATE SCHEMA shop;
    CREATE TABLE shop.product (
        id integer PRIMARY KEY, picture text, price numeric, "Name: of it" text
    );
    INSERT INTO shop.product VALUES
        (1, 'https://images.example/1.jpg', 10, 'shoe'), (2, NULL, 5, 'no picture yet'),
        (3, 'hat.jpg', 7, 'a path'), (4, 'https://images.example/4.jpg', 8, 'hat');
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(PRODUCT))
    yield engine
    engine.dispose()


@pytest.fixture
def attachments(engine: Engine) -> Attachments:
    attachments = Attachments(engine)
    attachments.attach(
        "shop.product",
        url_column="picture",
        collection="products",
        metadata_columns=["price", "Name: of it"],
    )
    return attachments


def run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    while follow(engine):
        pass


def images(engine: Engine) -> dict[str, object]:
    """Prices, by the file names in the references."""
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT reference, metadata FROM lookalike.images")).all()
    return {row.reference.rpartition("/")[2]: row.metadata.get("price") for row in rows}


def test_rows_that_are_there_become_images_with_their_metadata(
    engine: Engine, attachments: Attachments
) -> None:
    run(engine, "SELECT 1")
    assert images(engine) == {"1.jpg": 10, "4.jpg": 8}
    ((attachment, progress),) = attachments.all()
    assert attachment.is_filled
    assert (progress.n_rows, progress.n_refused, progress.n_waiting) == (3, 1, 0)
    assert "hat.jpg" in str(progress.example)


def test_inserts_updates_and_deletes_are_followed(engine: Engine, attachments: Attachments) -> None:
    run(engine, "INSERT INTO shop.product VALUES (5, 'https://images.example/5.jpg', 1)")
    assert images(engine) == {"1.jpg": 10, "4.jpg": 8, "5.jpg": 1}
    run(engine, "UPDATE shop.product SET price = 11 WHERE id = 1")
    run(engine, "UPDATE shop.product SET picture = 'https://images.example/x.jpg' WHERE id = 5")
    assert images(engine) == {"1.jpg": 11, "4.jpg": 8, "x.jpg": 1}
    run(engine, "UPDATE shop.product SET picture = 'https://images.example/3.jpg' WHERE id = 3")
    run(engine, "DELETE FROM shop.product WHERE id IN (1, 5)")
    assert images(engine) == {"4.jpg": 8, "3.jpg": 7}
    assert attachments.all()[0][1].n_refused == 0


def test_an_update_that_changes_nothing_makes_no_work(
    engine: Engine, attachments: Attachments
) -> None:
    run(engine, "SELECT 1")
    with engine.begin() as connection:
        connection.execute(text("UPDATE shop.product SET price = price, id = id"))
        waiting = connection.scalar(text("SELECT count(*) FROM lookalike.attached_changes"))
    assert waiting == 0


def test_a_changed_key_is_the_end_of_one_row_and_the_beginning_of_another(
    engine: Engine, attachments: Attachments
) -> None:
    run(engine, "UPDATE shop.product SET id = 100 WHERE id = 1")
    run(engine, "DELETE FROM shop.product WHERE id = 100")
    assert images(engine) == {"4.jpg": 8}


def test_a_truncated_table_leaves_no_image(engine: Engine, attachments: Attachments) -> None:
    run(engine, "SELECT 1")
    run(
        engine,
        "TRUNCATE shop.product;"
        "INSERT INTO shop.product VALUES (9, 'https://images.example/9.jpg', 9)",
    )
    assert images(engine) == {"9.jpg": 9}


def test_an_image_stays_while_another_row_shows_it_or_somebody_else_added_it(
    engine: Engine, database_url: str
) -> None:
    with Lookalike(database_url) as client:
        client.add("https://images.example/1.jpg", collection="products")
    Attachments(engine).attach("shop.product", url_column="picture", collection="products")
    run(engine, "INSERT INTO shop.product VALUES (6, 'https://images.example/4.jpg')")
    run(engine, "DELETE FROM shop.product WHERE id IN (1, 4)")
    assert images(engine).keys() == {"1.jpg", "4.jpg"}
    run(engine, "DELETE FROM shop.product WHERE id = 6")
    assert images(engine).keys() == {"1.jpg"}


def test_a_change_that_is_rolled_back_is_none(engine: Engine, attachments: Attachments) -> None:
    run(engine, "SELECT 1")
    with engine.connect() as connection:
        connection.execute(text("DELETE FROM shop.product"))
        connection.rollback()
    assert follow(engine) == 0
    assert images(engine).keys() == {"1.jpg", "4.jpg"}


def test_whoever_may_write_the_table_needs_no_rights_on_ours(
    engine: Engine, attachments: Attachments
) -> None:
    run(
        engine,
        "CREATE ROLE attached_clerk; GRANT USAGE ON SCHEMA shop TO attached_clerk;"
        "GRANT INSERT ON shop.product TO attached_clerk; SET LOCAL ROLE attached_clerk;"
        "INSERT INTO shop.product VALUES (7, 'https://images.example/7.jpg', 7);"
        "RESET ROLE; DROP OWNED BY attached_clerk; DROP ROLE attached_clerk",
    )
    assert "7.jpg" in images(engine)


def test_a_renamed_column_stops_no_write_and_no_other_table(
    engine: Engine, attachments: Attachments
) -> None:
    run(engine, "CREATE TABLE other (id bigint PRIMARY KEY, url text)")
    attachments.attach("other", url_column="url", collection="others")
    run(engine, "ALTER TABLE shop.product RENAME picture TO photo")
    run(engine, "INSERT INTO shop.product VALUES (8, 'https://images.example/8.jpg')")
    run(engine, "INSERT INTO other VALUES (1, 'https://images.example/other.jpg')")
    assert images(engine).keys() == {"1.jpg", "4.jpg", "other.jpg"}


def test_a_limited_backlog_is_filled_and_the_rest_waits(
    engine: Engine, attachments: Attachments, database_url: str
) -> None:
    with Lookalike(database_url) as client:
        client.operator.limit(1, collection="products")
        run(engine, "SELECT 1")
        assert len(images(engine)) == 1
        client.operator.limit(None, collection="products")
        run(engine, "SELECT 1")
    assert images(engine).keys() == {"1.jpg", "4.jpg"}


@pytest.mark.parametrize("erase", [False, True])
def test_detaching_leaves_nothing_behind(
    engine: Engine, attachments: Attachments, erase: bool
) -> None:
    run(engine, "SELECT 1")
    attachments.detach("shop.product", erase=erase)
    run(engine, "INSERT INTO shop.product VALUES (5, 'https://images.example/5.jpg')")
    assert images(engine) == ({} if erase else {"1.jpg": 10, "4.jpg": 8})
    with engine.begin() as connection:
        left = connection.execute(
            text("""
                SELECT tgname FROM pg_trigger WHERE tgrelid = 'shop.product'::regclass
                UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'follow_table%'
                UNION ALL SELECT 'a row' FROM lookalike.attached_rows
                UNION ALL SELECT 'a change' FROM lookalike.attached_changes
            """)
        ).all()
    assert left == []


def test_a_dropped_table_can_be_detached_by_its_number(
    engine: Engine, attachments: Attachments
) -> None:
    run(engine, "DROP TABLE shop.product")
    ((attachment, _),) = attachments.all()
    assert attachment.table is None
    attachments.detach(str(attachment.id))
    assert attachments.all() == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"table": "nowhere"}, "no table 'nowhere'"),
        ({"table": "a b; DROP TABLE x"}, "no table"),
        ({"url_column": "foto"}, "expected one of"),
        ({"metadata_columns": ["colour"]}, "expected one of"),
        ({"key_column": "price"}, "unique index of its own"),
    ],
)
def test_what_cannot_be_attached_is_refused(
    engine: Engine, wrong: dict[str, str], message: str
) -> None:
    given: dict[str, object] = {
        "table": "shop.product",
        "url_column": "picture",
        "collection": "products",
    }
    with pytest.raises(Rejected, match=message):
        Attachments(engine).attach(**{**given, **wrong})  # type: ignore[arg-type]
    assert Attachments(engine).all() == []


def test_a_table_is_attached_once_and_its_collection_cannot_be_erased_meanwhile(
    engine: Engine, attachments: Attachments, database_url: str
) -> None:
    with pytest.raises(Rejected, match="already"):
        attachments.attach("shop.product", url_column="picture", collection="products")
    with Lookalike(database_url) as client, pytest.raises(Rejected, match="detach"):
        client.operator.erase_collection("products")


def test_the_commands_do_the_same(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", database_url)
    command = CliRunner().invoke
    done = command(app, ["attach", "shop.product", "-u", "picture", "-m", "price"])
    assert "shop.product is attached to product" in done.output
    run(engine, "SELECT 1")
    assert "hat.jpg" in command(app, ["attached"]).output
    assert "are being erased" in command(app, ["detach", "shop.product", "--erase", "-y"]).output
    assert "No table" in command(app, ["attached"]).output
