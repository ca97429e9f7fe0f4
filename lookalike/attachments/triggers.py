"""What stands on a user's table: four triggers and their function."""

from __future__ import annotations

from sqlalchemy import Connection, text

from lookalike.attachments.records import Attachment

# The users' own writes must go on whatever has become of the columns, so the errors that a
# renamed one gives are a warning. The function belongs to whoever attached the table: who writes
# to it needs no rights on our schema.
_FUNCTION = """
    CREATE FUNCTION lookalike.{name}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO lookalike.attached_changes (attachment_id, row_key)
            SELECT {id}, n.{key}::text FROM new_rows n;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO lookalike.attached_changes (attachment_id, row_key)
            SELECT {id}, k FROM (
                (SELECT {columns} FROM new_rows n EXCEPT ALL SELECT {columns} FROM old_rows n)
                UNION
                (SELECT {columns} FROM old_rows n EXCEPT ALL SELECT {columns} FROM new_rows n)
            ) AS changed (k) GROUP BY k;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO lookalike.attached_changes (attachment_id, row_key)
            SELECT {id}, o.{key}::text FROM old_rows o;
        ELSE
            INSERT INTO lookalike.attached_changes (attachment_id, row_key) VALUES ({id}, '');
        END IF;
        RETURN NULL;
    EXCEPTION WHEN undefined_column OR undefined_table OR insufficient_privilege THEN
        RAISE WARNING 'lookalike no longer follows %: %', TG_RELID::regclass, SQLERRM;
        RETURN NULL;
    END $$
"""
_TRIGGERS = {
    "insert": "AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows",
    "update": "AFTER UPDATE ON {table} REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows",
    "delete": "AFTER DELETE ON {table} REFERENCING OLD TABLE AS old_rows",
    "truncate": "AFTER TRUNCATE ON {table}",
}


def create(connection: Connection, attachment: Attachment) -> None:
    """Make them; writers of the table wait for as long as the transaction takes."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    name = _name(attachment)
    # Compared as text: not every type can be compared.
    compared = (attachment.url_column, *attachment.metadata_columns)
    columns = ", ".join(f"n.{quote(c)}::text" for c in (attachment.key_column, *compared))
    rest = ", ".join(f"c{i}" for i in range(len(compared)))
    function = _FUNCTION.replace("changed (k)", f"changed (k, {rest})").format(
        name=name, id=attachment.id, key=quote(attachment.key_column), columns=columns
    )
    _run(connection, function)
    for event, when in _TRIGGERS.items():
        _run(
            connection,
            f"CREATE TRIGGER {name}_{event} {when.format(table=attachment.table)} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION lookalike.{name}()",
        )


def drop(connection: Connection, attachment: Attachment) -> None:
    """Remove them; with their table they are gone already."""
    connection.execute(text(f"DROP FUNCTION IF EXISTS lookalike.{_name(attachment)}() CASCADE"))


def _name(attachment: Attachment) -> str:
    return f"follow_table_{attachment.id}"


def _run(connection: Connection, statement: str) -> None:
    # The driver's own: SQLAlchemy would take casts for parameters.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
