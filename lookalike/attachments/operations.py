"""What operators do with attached tables: `Lookalike().operator.attachments`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from lookalike.attachments.attaching import attach, detach
from lookalike.attachments.records import (
    Attachment,
    Progress,
    find_attachments,
    list_attachments,
    read_progress,
)
from lookalike.database import transaction


class Attachments:
    """Tables of this database that are sources of images."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attach(
        self,
        table: str,
        *,
        url_column: str,
        collection: str,
        key_column: str | None = None,
        metadata_columns: Sequence[str] = (),
    ) -> Attachment:
        """Follow a table from now on; relays read what is there, and what is written later.

        `table` is its name as SQL writes it. `key_column`, by default the
        primary key, is NOT NULL and has a unique index of its own. The other
        columns become the images' metadata. Writers of the table wait for an
        instant. Raises Rejected where the table or a column is not there, or
        the column is attached to the collection already.
        """
        return attach(
            self._engine,
            table,
            url_column=url_column,
            collection=collection,
            key_column=key_column,
            metadata_columns=metadata_columns,
        )

    def detach(self, table: str, *, erase: bool = False) -> list[Attachment]:
        """Follow a table no longer, whatever collections it is attached to; gives what was ended.

        Nothing of lookalike's is left on it. The images stay, but with
        `erase` relays erase those that are there for this table alone.
        `table` may be an attachment's id, too. Raises Rejected where it is not attached.
        """
        with transaction(self._engine) as connection:
            found = find_attachments(connection, table)
        for attachment in found:
            detach(self._engine, attachment, erase=erase)
        return found

    def all(self) -> list[tuple[Attachment, Progress]]:
        """Each with how far it is; counts rows, so it takes seconds where there are millions."""
        with transaction(self._engine) as connection:
            return [(one, read_progress(connection, one)) for one in list_attachments(connection)]
