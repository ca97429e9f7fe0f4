"""A collection's change of encoder: begun, flipped, rolled back; one row while it lasts.

old space serves ── flip ──► new space serves ── drop ──► the old one is gone
       │ ▲                          │
       │ └──────── rollback ────────┘
       └── abort ──► the new one is gone

Both spaces are kept filled in either state, so the way back is always open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from lookalike.errors import ReembeddingRefused
from lookalike.reembedding.missing import Missing, count_missing
from lookalike.reembedding.spaces import Space

_CHANGE = """
    SELECT r.collection_id, c.name AS collection, r.started_at, r.flipped_at,
        o.id AS old_id, o.encoder || '@' || left(o.digest, 12) AS old_name,
        n.id AS new_id, n.encoder || '@' || left(n.digest, 12) AS new_name
    FROM lookalike.reembeddings r
    JOIN lookalike.collections c ON c.id = r.collection_id
    JOIN lookalike.feature_spaces o ON o.id = r.old_space_id
    JOIN lookalike.feature_spaces n ON n.id = r.new_space_id
    WHERE r.collection_id = :id
"""

_UNINDEXED = """
    SELECT EXISTS (SELECT FROM lookalike.search_indexes WHERE collection_id = :id
                   AND state = 'serving' AND space_id = :old_id)
        AND NOT EXISTS (SELECT FROM lookalike.search_indexes WHERE collection_id = :id
                        AND state = 'serving' AND space_id = :new_id)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A collection that changes its encoder; `flipped_at` is None while the old space serves."""

    collection_id: int
    collection: str
    old: Space
    new: Space
    started_at: datetime
    flipped_at: datetime | None

    @property
    def serving(self) -> Space:
        return self.old if self.flipped_at is None else self.new

    @property
    def other(self) -> Space:
        """The space that does not serve, and is kept filled."""
        return self.new if self.flipped_at is None else self.old


def find_change(connection: Connection, collection_id: int, *, lock: bool = False) -> Change | None:
    """The change that a collection is in, or None; locked against all others if asked for."""
    statement = _CHANGE + ("FOR UPDATE OF r, c" if lock else "")
    row = connection.execute(text(statement), {"id": collection_id}).first()
    if row is None:
        return None
    return Change(
        row.collection_id,
        row.collection,
        Space(row.old_id, row.old_name),
        Space(row.new_id, row.new_name),
        row.started_at,
        row.flipped_at,
    )


def read_change(connection: Connection, collection_id: int, *, lock: bool = False) -> Change:
    """The change that a collection is in; raises ReembeddingRefused where it is in none."""
    change = find_change(connection, collection_id, lock=lock)
    if change is None:
        raise ReembeddingRefused(
            "the collection does not change its encoder: lookalike reembed COLLECTION --encoder "
            "NEW begins it",
            value=collection_id,
        )
    return change


def serving_space(connection: Connection, collection_id: int) -> Space:
    """The space that searches of a collection go to; ReembeddingRefused before its first worker."""
    row = connection.execute(
        text("""
            SELECT s.id, s.encoder || '@' || left(s.digest, 12) AS name
            FROM lookalike.collections c JOIN lookalike.feature_spaces s ON s.id = c.space_id
            WHERE c.id = :id
        """),
        {"id": collection_id},
    ).first()
    if row is None:
        raise ReembeddingRefused(
            "the collection has no feature space yet, so there is nothing to change: the first "
            "worker that starts gives it one",
            value=collection_id,
        )
    return Space(row.id, row.name)


def begin(connection: Connection, collection_id: int, new: Space) -> Change:
    """Have a second space filled while the first serves; again changes nothing.

    Raises ReembeddingRefused where the collection changes to another space.
    """
    connection.execute(
        text("""
            INSERT INTO lookalike.reembeddings (collection_id, old_space_id, new_space_id)
            SELECT id, space_id, :new_id FROM lookalike.collections WHERE id = :id FOR UPDATE
            ON CONFLICT (collection_id) DO NOTHING
        """),
        {"id": collection_id, "new_id": new.id},
    )
    change = read_change(connection, collection_id)
    if change.new != new:
        raise ReembeddingRefused(
            f"found a change from {change.old.name} to {change.new.name} under way; expected none, "
            f"or one to {new.name}: end it first, with --drop-old or --abort",
            value=change.new.name,
        )
    return change


def flip(connection: Connection, collection_id: int, *, force: bool = False) -> Change:
    """Let the new space serve from this transaction's commit on.

    Raises ReembeddingRefused where an image would be lost to searches, or
    where these would be slow for want of an index, unless `force` is given.
    """
    change = read_change(connection, collection_id, lock=True)
    if change.flipped_at is not None:
        raise ReembeddingRefused(
            f"{change.new.name} serves already: --rollback takes it back, --drop-old ends the "
            "change",
            value=change.new.name,
        )
    if not force:
        _refuse_missing(count_missing(connection, collection_id, change.old, change.new))
        _refuse_unindexed(connection, change)
    _serve(connection, change, change.new)
    return read_change(connection, collection_id)


def rollback(connection: Connection, collection_id: int) -> Change:
    """Let the old space serve again, from this transaction's commit on; nothing is counted first.

    Images that came after the flip follow as soon as they are embedded in the old space too.
    """
    change = read_change(connection, collection_id, lock=True)
    if change.flipped_at is None:
        raise ReembeddingRefused(
            f"{change.old.name} still serves: there is nothing to roll back", value=change.old.name
        )
    _serve(connection, change, change.old)
    return read_change(connection, collection_id)


def end(
    connection: Connection, collection_id: int, *, is_flipped: bool, force: bool = False
) -> None:
    """Keep the serving space alone; what is in the other may be dropped then.

    Raises ReembeddingRefused where the other than the one expected serves,
    and where an image has its only features in the space that goes, unless
    `force` is given.
    """
    change = read_change(connection, collection_id, lock=True)
    if (change.flipped_at is not None) != is_flipped:
        raise ReembeddingRefused(
            f"{change.old.name} still serves: --flip first, or --abort the change"
            if is_flipped
            else f"{change.new.name} serves: --rollback first, or --drop-old to end the change",
            value=change.serving.name,
        )
    if not force:
        _refuse_missing(count_missing(connection, collection_id, change.other, change.serving))
    connection.execute(
        text("DELETE FROM lookalike.reembeddings WHERE collection_id = :id"),
        {"id": collection_id},
    )


def _refuse_missing(missing: Missing) -> None:
    """Raise ReembeddingRefused where images have no features in a space that shall serve alone."""
    if missing.n:
        raise ReembeddingRefused(
            f"{missing.n:,} images have no features in {missing.space.name}, and searches would "
            f"miss them: {missing.n_failed:,} of them failed (`lookalike failed list`), the others "
            "are still to come; wait for them, or do it all the same with --force",
            value=missing.n,
        )


def _refuse_unindexed(connection: Connection, change: Change) -> None:
    places = {"id": change.collection_id, "old_id": change.old.id, "new_id": change.new.id}
    if connection.scalar(text(_UNINDEXED), places):
        raise ReembeddingRefused(
            f"{change.old.name} has a search index here and {change.new.name} has none, so "
            "searches would look at every image until one is built: --force flips all the same",
            value=change.new.name,
        )


def _serve(connection: Connection, change: Change, space: Space) -> None:
    connection.execute(
        text("UPDATE lookalike.collections SET space_id = :space_id WHERE id = :id"),
        {"id": change.collection_id, "space_id": space.id},
    )
    # Read again from the start: what came meanwhile is missing in the space that served.
    connection.execute(
        text("""
            UPDATE lookalike.reembeddings
            SET swept_to = 0, flipped_at = CASE WHEN new_space_id = :space_id THEN now() END
            WHERE collection_id = :id
        """),
        {"id": change.collection_id, "space_id": space.id},
    )
